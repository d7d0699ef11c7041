//! RF509: `linux,initrd-start` and `linux,initrd-end` do not name a ramdisk.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(509),
    name: "incomplete-initrd",
    title: "linux,initrd-start and linux,initrd-end do not name a ramdisk",
    severity: Severity::Warning,
    why: r"
        `/chosen` must have both `linux,initrd-start` and `linux,initrd-end`, or neither, and the end must
        be above the start. Linux ignores any other initrd, and no kernel logs it: its root file system is
        missing then, and its memory is not reserved.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(chosen) = analysis.map.chosen.node.map(|node| analysis.tree.node(node)) else { return };
    let has_start = chosen.has_prop("linux,initrd-start");
    let is_stated = has_start || chosen.has_prop("linux,initrd-end");
    // Loaders write two zeroes where there is none.
    let start = chosen.prop("linux,initrd-start").and_then(|start| start.as_u64());
    if is_stated && analysis.map.chosen.initrd.is_none() && start != Some(0) {
        out.report(chosen, "the initrd has no end above its start: Linux ignores it")
            .at(if has_start { "linux,initrd-end" } else { "linux,initrd-start" })
            .help("write both, of one or two cells each");
    }
}
