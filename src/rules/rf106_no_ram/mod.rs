//! RF106: no `/memory` node states the RAM.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(106),
    name: "no-ram",
    title: "no memory node states where RAM is",
    why: r#"
        At boot, an enabled node in the root with `device_type = "memory"` must state the RAM. A kernel that
        finds none, or only tuples of size 0, panics before it has a console.

        In a tree at rest a placeholder is ordinary, because the boot loader fills it: there it is only a
        note.
    "#,
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    if analysis.map.ram.is_known() {
        return;
    }
    let message = "no enabled memory node states where RAM is";
    let report = match analysis.map.banks.first() {
        Some(placeholder) => out.report(analysis.tree.node(placeholder.node), message).at("reg"),
        None => out.report("/memory", message),
    };
    if analysis.facts.stage.is_some() {
        report.help("let the boot loader fill /memory, or write the banks into the tree");
    } else {
        report
            .severity(Severity::Note)
            .help("pass the banks as --ram BASE:SIZE to check what depends on them");
    }
}
