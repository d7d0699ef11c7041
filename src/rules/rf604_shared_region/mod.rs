//! RF604: a region that is no pool has one user.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::fdt::NodeId;
use crate::finding::{RuleId, Severity};
use crate::order;
use alloc::format;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(604),
    name: "shared-region",
    title: "a carveout that is no pool has one device that uses it",
    severity: Severity::Note,
    why: "Two devices that believe to own the same bytes overwrite each other. Some share on purpose, so this is only a note.",
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
        if target != same || analysis.tree.node(*target).has_prop("compatible") {
            continue;
        }
        let (first, second) = (analysis.tree.node(*first), analysis.tree.node(*second));
        out.push(
            OldReport::new(
                DOC.id,
                DOC.severity,
                analysis.tree.node(*target).path(),
                format!("is used by {} and {}", first.path(), second.path()),
            )
            .with_help("give each device a region of its own, unless they share it on purpose"),
        );
    }
}
