//! RF111: a region has `reg` or `size`, not both.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(111),
    name: "reg-and-size",
    title: "a region has reg or size, not both",
    severity: Severity::Warning,
    why: "reg wins and size means nothing; 6.1 takes a region whose reg has size 0 for a dynamic one then.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Drops size, where reg can be read.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for region in analysis.map.enabled() {
        let node = analysis.tree.node(region.node);
        if node.has_prop("reg") && node.has_prop("size") {
            let finding = OldReport::new(
                DOC.id,
                DOC.severity,
                region.path.as_str(),
                "has `reg` and `size`: Linux ignores `size`",
            )
            .with_help("remove `size`, or `reg` when the kernel is to choose the place");
            out.push(match region.spans() {
                [] => finding,
                _ => finding.with_repair(RepairKind::DropSize(region.node), "drop `size`"),
            });
        }
    }
}
