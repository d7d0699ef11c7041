//! RF213: nobody gets the memory in which processors wait for their release.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::ledger::{self, Coverage};
use crate::span::Span;
use alloc::format;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(213),
    name: "unreserved-release-address",
    title: "the release addresses of spin-table processors are reserved",
    severity: Severity::Warning,
    why: "Processors spin there until Linux writes an address. Linux itself reserves nothing for them: it gives the \
          memory away, and whatever is written there is jumped to, or the processors never come up.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Reserves the 4 KiB around each address. The stage keeps off them in any case.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for page in unreserved(analysis) {
        out.push(
            OldReport::new(
                DOC.id,
                DOC.severity,
                "/cpus",
                format!("processors wait for their release in {page}, which nothing reserves"),
            )
            .with_span(page, "release address")
            .with_help("reserve it by a node of /reserved-memory or a /memreserve/ entry")
            .with_repair(RepairKind::ReserveRelease, format_args!("reserve {page}")),
        );
    }
}

/// The release pages in RAM, or what is left of them, that no region and no `/memreserve/` entry covers.
pub(crate) fn unreserved(analysis: &Analysis<'_, '_>) -> Vec<Span> {
    let pages = &analysis.map.release_pages;
    if pages.is_empty() {
        return Vec::new();
    }
    let mut reserved = analysis.map.memreserve.clone();
    let regions = analysis.map.enabled().filter(|region| !region.is_cma());
    reserved.extend(regions.flat_map(|region| region.spans().iter().copied()));
    let open = ledger::subtract(pages, &ledger::union(reserved));
    open.into_iter()
        .filter(|&span| analysis.in_ram(span) == Coverage::All && analysis.map.ram.is_known())
        .collect()
}
