//! RF107: there is one `/reserved-memory`.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(107),
    name: "second-reserved-memory",
    title: "there is one /reserved-memory",
    severity: Severity::Error,
    why: "Linux reads the first root node of that name, with or without a unit address, and no other: every region in a second one is ordinary memory. All kernels.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Moves its regions into the first, with their phandles and labels; a dynamic one gets a fixed address.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(first) = analysis.map.reserved.as_ref().map(|reserved| reserved.node) else { return };
    let others = analysis.tree.root().children().filter(|node| node.id() != first);
    for node in others.filter(|node| node.has_base_name("reserved-memory")) {
        out.push(
            OldReport::new(
                DOC.id,
                DOC.severity,
                node.path(),
                "is a second /reserved-memory: Linux reads only the first",
            )
            .with_help("move its regions into the first")
            .with_repair(RepairKind::Gather(node.id()), "move its regions into the first"),
        );
    }
}
