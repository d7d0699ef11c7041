//! RF107: there is a second `/reserved-memory`.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId};

pub(super) const DOC: Doc = Doc {
    id: RuleId(107),
    name: "second-reserved-memory",
    title: "there is a second /reserved-memory",
    why: r"
        A tree must have one `/reserved-memory`. Linux reads the first node of that name in the root, with
        or without a unit address, and no other: every region in a second one is ordinary memory.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: r"
        Moves its regions into the first, with their phandles and labels; a dynamic one gets a fixed
        address.
    ",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(first) = analysis.map.reserved.as_ref().map(|reserved| reserved.node) else { return };
    let others = analysis.tree.root().children().filter(|node| node.id() != first);
    for node in others.filter(|node| node.has_base_name("reserved-memory")) {
        out.report(node, "is a second /reserved-memory: Linux reads only the first")
            .help("move its regions into the first")
            .repair(RepairKind::Gather(node.id()), "move its regions into the first");
    }
}
