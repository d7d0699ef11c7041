//! RF508: `kaslr-seed` is not 8 bytes long.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(508),
    name: "kaslr-seed-length",
    title: "kaslr-seed is not 8 bytes long",
    severity: Severity::Warning,
    why: r"
        `kaslr-seed` must be 8 bytes long. Linux ignores one of another length and runs without address
        space randomisation.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(chosen) = analysis.map.chosen.node.map(|node| analysis.tree.node(node)) else { return };
    if let Some(seed) = chosen.prop("kaslr-seed").filter(|seed| seed.value.len() != 8) {
        let len = seed.value.len();
        out.report(chosen, format_args!("`kaslr-seed` is {len} bytes long, not 8: Linux ignores it"))
            .at("kaslr-seed")
            .help("write two cells, or remove it");
    }
}
