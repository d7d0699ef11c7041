//! RF117: memblock has room for the map.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::ledger;
use crate::span::Span;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(117),
    name: "too-many-blocks",
    title: "the map is of fewer blocks than memblock holds",
    severity: Severity::Error,
    why: "memblock's arrays hold 128 blocks where a kernel is configured least, 641 and 1024 in Debian's, and cannot grow before the linear map stands. Kernels from 6.12 on panic (\"cannot resize reserved array\"); 6.1 passes over what has no room and leaves it unprotected. Blocks that touch count once.",
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

/// Isolated blocks that every configuration has room for: a carveout parts RAM in two.
const EVERY: (usize, usize) = (60, 100);
/// Isolated blocks that the most usual configuration has room for beside kernel, initrd and tree: 6.12 was seen to die of
/// one more of either.
const NONE: (usize, usize) = (509, 636);

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let of = |no_map| analysis.map.enabled().filter(move |region| region.no_map == no_map);
    let spans = |no_map| of(no_map).flat_map(|region| region.spans().iter().copied());
    let carveouts = isolated(spans(true));
    let reserved = isolated(spans(false).chain(analysis.map.memreserve.iter().copied()));
    let severity = match (carveouts > NONE.0 || reserved > NONE.1, carveouts > EVERY.0 || reserved > EVERY.1)
    {
        (true, _) => DOC.severity,
        (_, true) => Severity::Warning,
        _ => return,
    };
    let message =
        format!("{carveouts} carveouts and {reserved} other reservations apart: memblock may have no room");
    out.push(
        OldReport::new(DOC.id, severity, "/reserved-memory", message)
            .with_help("let regions touch, or cut carveouts out of /memory"),
    );
}

fn isolated(spans: impl Iterator<Item = Span>) -> usize {
    ledger::union(spans.collect()).len()
}
