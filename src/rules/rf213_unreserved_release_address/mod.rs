//! RF213: no reservation covers the memory in which processors wait for their release.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::claims::ClaimKind;
use crate::fdt::Node;
use crate::finding::{Label, RepairKind, RuleId, Severity};
use crate::ledger::{self, Coverage};
use crate::span::Span;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(213),
    name: "unreserved-release-address",
    title: "the release address of a spin-table processor is not reserved",
    severity: Severity::Warning,
    why: r"
        The `cpu-release-addr` of a spin-table processor must be reserved. The processor spins there until
        Linux writes an address. Linux itself reserves nothing for it: it gives the memory away, and the
        processor jumps to whatever is written there, or never comes up.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Reserves the 4 KiB around each address. The stage avoids them in any case.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for page in unreserved(analysis) {
        let message = "processors wait for their release in";
        let report = match processor(analysis, page) {
            Some(cpu) => out.report(cpu, format_args!("{message} {page}, which is not reserved")),
            None => out.report("/cpus", format_args!("{message} {page}, which is not reserved")),
        };
        report
            .at("cpu-release-addr")
            .span(page, Label::Claim(ClaimKind::ReleasePage))
            .help("reserve it with a node of /reserved-memory or a /memreserve/ entry")
            .repair(RepairKind::ReserveRelease, format_args!("reserve {page}"));
    }
}

/// Returns the first processor that waits in `page`, which may be a part of what belongs to its release
/// address.
fn processor<'s>(analysis: &'s Analysis<'_, '_>, page: Span) -> Option<Node<'s, 's>> {
    let around = page.outward(analysis.profile.page.bytes()).unwrap_or(page);
    let waits = |cpu: &Node<'_, '_>| {
        let address = cpu.prop("cpu-release-addr").and_then(|address| address.as_u64());
        address.is_some_and(|address| around.contains(address))
    };
    analysis.tree.find("/cpus")?.children().find(waits)
}

/// Returns the release pages in RAM, or their parts, that no region and no `/memreserve/` entry covers.
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
