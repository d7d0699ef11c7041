//! RF602: every `memory-region` leads to a node.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(602),
    name: "dangling-memory-region",
    title: "every memory-region leads to a node",
    severity: Severity::Warning,
    why: "The driver finds no region: it fails to probe, or takes memory from the system instead, where its device may not reach.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for reference in analysis.references().iter().filter(|reference| reference.target.is_none()) {
        // A phandle of 0 is how optional places in the list are left out.
        if reference.phandle == 0 {
            continue;
        }
        let user = analysis.tree.node(reference.user);
        out.push(
            OldReport::new(
                DOC.id,
                DOC.severity,
                user.path(),
                format!("memory-region: no node has the phandle {:#x}", reference.phandle),
            )
            .with_help("refer to the region by its label, as in `memory-region = <&camera_mem>`"),
        );
    }
}
