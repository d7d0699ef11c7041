//! RF509: the initrd has a start and an end.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(509),
    name: "incomplete-initrd",
    title: "linux,initrd-start and linux,initrd-end name a ramdisk",
    severity: Severity::Warning,
    why: "Linux ignores an initrd whose end is not above its start, or of which only one is there, without a message: its root file system is missing then, and its memory is not reserved.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(chosen) = analysis.map.chosen.node.map(|node| analysis.tree.node(node)) else { return };
    let said = ["linux,initrd-start", "linux,initrd-end"].into_iter().any(|name| chosen.has_prop(name));
    // Loaders write two zeroes where there is none.
    let start = chosen.prop("linux,initrd-start").and_then(|start| start.as_u64());
    if said && analysis.map.chosen.initrd.is_none() && start != Some(0) {
        out.push(
            OldReport::new(
                DOC.id,
                DOC.severity,
                "/chosen",
                "the initrd has no end above its start: Linux ignores it",
            )
            .with_help("write both, of one or two cells each"),
        );
    }
}
