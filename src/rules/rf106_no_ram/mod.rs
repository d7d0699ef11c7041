//! RF106: the RAM is known where it must be.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(106),
    name: "no-ram",
    title: "at boot, /memory says where RAM is",
    severity: Severity::Error,
    why: "A kernel that finds no enabled root node with device_type = \"memory\" and a size panics before it \
          has a console. In a tree at rest a placeholder is ordinary (the boot loader fills it), so the tool \
          only notes it.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    if analysis.map.ram.is_known() {
        return;
    }
    let at_boot = analysis.facts.stage.is_some();
    out.push(
        OldReport::new(
            DOC.id,
            if at_boot { Severity::Error } else { Severity::Note },
            "/memory",
            "no enabled memory node says where RAM is",
        )
        .with_help(if at_boot {
            "let the boot loader fill /memory, or put the banks into the tree"
        } else {
            "give the banks with --ram BASE:SIZE to judge what depends on them"
        }),
    );
}
