//! RF701: the device tree and the EFI map state different RAM.

use super::{Doc, Sink, Subject};
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
    why: r"
        `/memory` and the EFI memory map should state the same RAM. In an EFI boot Linux drops every
        `/memory` node and takes its RAM from the EFI map (`reserve_regions` in
        drivers/firmware/efi/efi-init.c). RAM that only the tree states is not used; RAM that only the map
        states is used, even if the author of the tree left it out on purpose.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    efi_map: include_str!("memmap.txt"),
    ..Doc::DEFAULT
};

/// Maximum number of differences that are reported.
const MAX_DIFFERENCES: usize = 16;

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(efi) = &analysis.facts.efi else { return };
    let stated: Vec<Span> = analysis.map.banks.iter().filter_map(|bank| bank.span).collect();
    // Without a bank, or with placeholders alone, the tree leaves RAM to the firmware.
    if stated.is_empty() {
        return;
    }
    let (stated, listed) = (union(stated), efi.map.memory());
    let memory = analysis.map.banks.first().map(|bank| analysis.tree.node(bank.node));
    let node = || memory.map_or(Subject::from("/memory"), Subject::from);
    for span in subtract(&stated, &listed).into_iter().take(MAX_DIFFERENCES) {
        let size = Size(span.len());
        out.report(
            node(),
            format_args!(
                "states {size} at {:#x} that the EFI map does not: Linux does not use it",
                span.base()
            ),
        )
        .at("reg")
        .span(span, Label::Ram)
        .help("correct `reg` of /memory, or the firmware's map");
    }
    for span in subtract(&listed, &stated).into_iter().take(MAX_DIFFERENCES) {
        let size = Size(span.len());
        out.report(
            node(),
            format_args!("lacks {size} at {:#x} that the EFI map has: Linux uses it", span.base()),
        )
        .at("reg")
        .span(span, Label::Ram)
        .help("reserve it with a `no-map` region if Linux must not use it, else add it to `reg` of /memory");
    }
}
