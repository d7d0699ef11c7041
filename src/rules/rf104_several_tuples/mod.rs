//! RF104: a region has more than one `reg` tuple.

use super::{Doc, Predicted, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId};

pub(super) const DOC: Doc = Doc {
    id: RuleId(104),
    name: "several-tuples",
    title: "a region has several reg tuples",
    why: r"
        A region must have one `reg` tuple. Of several, kernels up to 6.17 reserve all but register only the
        first; 6.18 to 7.1 reserve all and register none, so that lookups by phandle fail; kernels from 7.2
        on reserve only the first, and the rest becomes ordinary memory.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Gives each further tuple a node of its own with the same flags; the phandle stays on the first.",
    predicted: Predicted::Always,
    ..Doc::DEFAULT
};

/// Maximum number of spans that a finding lists.
const MAX_SHOWN: usize = 8;

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for region in analysis.map.enabled() {
        let [first, rest @ ..] = region.spans() else { continue };
        if rest.is_empty() {
            continue;
        }
        let count = rest.len() + 1;
        let report = out
            .report(
                region,
                format_args!("`reg` has {count} tuples: kernels from 7.2 on protect only {first}"),
            )
            .at("reg")
            .help("give each further tuple a region node of its own")
            .repair(RepairKind::SplitReg(region.node), "give each further tuple a node of its own");
        for &span in rest.iter().take(MAX_SHOWN) {
            report.region(span, region);
        }
    }
}
