//! RF604: two devices use a region that is not a pool.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::fdt::NodeId;
use crate::finding::{RuleId, Severity};
use crate::order;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(604),
    name: "shared-region",
    title: "two devices use one carveout",
    severity: Severity::Note,
    why: r"
        A carveout that is not a pool should have one device that uses it. Two devices that both own the
        same bytes overwrite each other. Some share on purpose, so this is only a note.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let mut uses: Vec<(NodeId, NodeId)> = analysis
        .references()
        .iter()
        .filter(|reference| analysis.tree.node(reference.user).is_available())
        .filter_map(|reference| Some((reference.target?, reference.user)))
        .collect();
    order::sort(&mut uses);
    uses.dedup();
    for pair in uses.windows(2) {
        let [(target, first), (same, second)] = pair else { continue };
        let node = analysis.tree.node(*target);
        if target == same && !node.has_prop("compatible") {
            let (first, second) = (analysis.tree.node(*first).path(), analysis.tree.node(*second).path());
            out.report(node, format_args!("is used by {first} and {second}"))
                .help("give each device a region of its own, unless they share it on purpose");
        }
    }
}
