//! RF111: a region has `reg` and `size`.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(111),
    name: "reg-and-size",
    title: "a region has both reg and size",
    severity: Severity::Warning,
    why: r"
        A region must have `reg` or `size`, not both. `reg` wins and `size` has no effect; but 6.1 takes a
        region whose `reg` has size 0 for a dynamic one.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Drops `size`, where `reg` can be read.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for region in analysis.map.enabled() {
        let node = analysis.tree.node(region.node);
        if node.has_prop("reg") && node.has_prop("size") {
            let report = out
                .report(region, "has `reg` and `size`: Linux ignores `size`")
                .at("size")
                .help("remove `size`, or `reg` if the kernel is to choose the place");
            if !region.spans().is_empty() {
                report.repair(RepairKind::DropSize(region.node), "drop `size`");
            }
        }
    }
}
