//! RF701: the device tree and the EFI map state the same RAM.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{Label, RuleId, Severity};
use crate::ledger::{subtract, union};
use crate::span::{Size, Span};
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(701),
    name: "efi-ram-mismatch",
    title: "/memory and the EFI memory map state different RAM",
    severity: Severity::Warning,
    why: "In an EFI boot Linux drops every /memory node and takes its RAM from the EFI map \
          (`reserve_regions` in drivers/firmware/efi/efi-init.c). What only the tree states is not used; \
          what only the map states is used, whether or not the author of the tree left it out on purpose.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    efi_map: include_str!("memmap.txt"),
    ..Doc::DEFAULT
};

/// Most differences that are reported.
const MAX: usize = 16;

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(efi) = &analysis.facts.efi else { return };
    let stated: Vec<Span> = analysis.map.banks.iter().filter_map(|bank| bank.span).collect();
    // Without a bank, or with placeholders alone, the tree leaves RAM to the firmware.
    if stated.is_empty() {
        return;
    }
    let (stated, listed) = (union(stated), efi.map.memory());
    for span in subtract(&stated, &listed).into_iter().take(MAX) {
        let size = Size(span.len());
        out.report(
            "/memory",
            format_args!(
                "states {size} at {:#x} that the EFI map does not: Linux does not use it",
                span.base()
            ),
        )
        .span(span, Label::Ram)
        .help("correct `reg` of /memory, or the firmware's map");
    }
    for span in subtract(&listed, &stated).into_iter().take(MAX) {
        let size = Size(span.len());
        out.report(
            "/memory",
            format_args!("lacks {size} at {:#x} that the EFI map has: Linux uses it", span.base()),
        )
        .span(span, Label::Ram)
        .help("reserve it by a `no-map` region if Linux must not use it, else add it to `reg` of /memory");
    }
}
