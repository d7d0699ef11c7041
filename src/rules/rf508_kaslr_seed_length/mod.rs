//! RF508: `kaslr-seed` has 8 bytes.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(508),
    name: "kaslr-seed-length",
    title: "kaslr-seed has 8 bytes",
    severity: Severity::Warning,
    why: "Linux ignores one of another length and runs without address space randomisation. All kernels.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let seed = analysis.map.chosen.node.and_then(|node| analysis.tree.node(node).prop("kaslr-seed"));
    if let Some(seed) = seed.filter(|seed| seed.value.len() != 8) {
        let message = format!("`kaslr-seed` has {} bytes, not 8: Linux ignores it", seed.value.len());
        out.push(
            OldReport::new(DOC.id, DOC.severity, "/chosen", message)
                .with_help("write two cells, or remove it"),
        );
    }
}
