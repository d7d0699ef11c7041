//! RF602: a `memory-region` leads to no node.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(602),
    name: "dangling-memory-region",
    title: "a memory-region leads to no node",
    severity: Severity::Warning,
    why: r"
        Every phandle of a `memory-region` must lead to a node. Otherwise the driver finds no region: it
        fails to probe, or takes memory from the system, where its device may not reach it. For a device that
        is not in use it is a note.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    // A phandle of 0 leaves out an optional place in the list.
    let dangling = analysis.references().iter().filter(|reference| reference.target.is_none());
    for reference in dangling.filter(|reference| reference.phandle != 0) {
        let user = analysis.tree.node(reference.user);
        let report = out
            .report(user, format_args!("`memory-region`: no node has the phandle {:#x}", reference.phandle))
            .at("memory-region")
            .help(match reference.phandle {
                // What dtc writes for a label of another tree.
                u32::MAX => "apply it as an overlay: this is a reference that nothing has resolved",
                _ => "refer to the region by its label, as in `memory-region = <&camera_mem>`",
            });
        if !user.is_available() {
            report.severity(Severity::Note);
        }
    }
}
