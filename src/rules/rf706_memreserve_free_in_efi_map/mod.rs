//! RF706: the EFI map leaves memory to Linux that only `/memreserve/` protects.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::claims::ClaimKind;
use crate::efi::EfiUse;
use crate::finding::{Label, RepairKind, RuleId};
use crate::ledger::{self, subtract};
use crate::span::Span;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(706),
    name: "memreserve-free-in-efi-map",
    title: "the EFI memory map leaves memory to Linux that only /memreserve/ protects",
    why: r"
        In an EFI boot the EFI map must list what `/memreserve/` protects. The EFI stub deletes every entry
        (`update_fdt` in drivers/firmware/efi/libstub/fdt.c), so that Linux uses the bytes as ordinary memory
        unless the map reserves them or a region covers them.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    efi_map: include_str!("memmap.txt"),
    repair: r"
        Adds a region for the bytes, mapped as the entry leaves them, and the EFI application holds it in the
        firmware's map.
    ",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for span in lost_entries(analysis) {
        out.report(
            "/memreserve/",
            format_args!("EFI drops the entry over {span}, which its map leaves to Linux"),
        )
        .span(span, Label::Claim(ClaimKind::Memreserve))
        .help(format_args!("add a region for {span}"))
        .repair(RepairKind::KeepMemreserve, format_args!("reserve {span} with a region"));
    }
}

/// Returns what entries alone protect and the EFI map gives to Linux. The initrd is not lost: Linux reserves
/// it by itself.
pub(crate) fn lost_entries(analysis: &Analysis<'_, '_>) -> Vec<Span> {
    let Some(efi) = analysis.facts.efi.as_ref().filter(|_| !analysis.map.memreserve.is_empty()) else {
        return Vec::new();
    };
    let regions = analysis.map.enabled().flat_map(|region| region.spans().iter().copied());
    let kept = regions.chain(analysis.span_of(ClaimKind::Initrd)).collect();
    let alone = subtract(&ledger::union(analysis.map.memreserve.clone()), &ledger::union(kept));
    let given = |usage| matches!(usage, EfiUse::Free | EfiUse::UntilLinux);
    let ranges = alone.iter().flat_map(|&span| efi.map.within(span));
    ledger::union(ranges.filter(|range| given(range.kind.usage())).map(|range| range.span).collect())
}
