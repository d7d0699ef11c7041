//! RF117: the map has more separate blocks than memblock holds.

use super::{Doc, Predicted, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::ledger;
use crate::predict::{Failure, FailureKind};
use crate::span::Span;

pub(super) const DOC: Doc = Doc {
    id: RuleId(117),
    name: "too-many-blocks",
    title: "the map has more separate blocks than memblock holds",
    why: r"
        Carveouts and other reservations must leave memblock room. Its arrays hold 128 blocks in the
        smallest configuration, 641 and 1024 in Debian's, and cannot grow before the linear map exists.
        Kernels from 6.12 on panic (`cannot resize reserved array`); 6.1 skips what has no room and leaves
        it unprotected. Blocks that touch count once.
    ",
    good: include_str!("good.dts"),
    predicted: Predicted::Always,
    ..Doc::DEFAULT
};

/// Separate blocks that every configuration has room for: a carveout parts RAM in two.
const EVERY: (usize, usize) = (60, 100);
/// Separate blocks that the most usual configuration has room for beside kernel, initrd and tree: 6.12 was
/// seen to die of one more of either.
const NONE: (usize, usize) = (509, 636);

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let of = |no_map| analysis.map.enabled().filter(move |region| region.no_map == no_map);
    let spans = |no_map| of(no_map).flat_map(|region| region.spans().iter().copied());
    let carveouts = separate(spans(true));
    let reserved = separate(spans(false).chain(analysis.map.memreserve.iter().copied()));
    let over = |limit: (usize, usize)| carveouts > limit.0 || reserved > limit.1;
    if !over(EVERY) {
        return;
    }
    let report = out
        .report(
            "/reserved-memory",
            format_args!(
                "{carveouts} separate carveouts and {reserved} other reservations: memblock may have no room"
            ),
        )
        .help("place regions so that they touch, or cut carveouts out of /memory");
    let fails = analysis.prediction().map(|prediction| {
        let no_room = |failure: &Failure| matches!(failure.kind, FailureKind::Panic | FailureKind::NoRoom);
        prediction.failures.iter().any(no_room)
    });
    if !fails.unwrap_or(over(NONE)) {
        report.severity(Severity::Warning);
    }
}

fn separate(spans: impl Iterator<Item = Span>) -> usize {
    ledger::union(spans.collect()).len()
}
