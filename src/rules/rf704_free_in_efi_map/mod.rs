//! RF704: the EFI map calls memory of a region free.

use super::efi_map::shared;
use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::claims::ClaimKind;
use crate::efi::EfiUse;
use crate::finding::{Label, RepairKind, RuleId};

pub(super) const DOC: Doc = Doc {
    id: RuleId(704),
    name: "free-in-efi-map",
    title: "the EFI memory map calls memory of a region free",
    why: r"
        The EFI memory map must list every static region, so that no loader and no stub of the kernel is
        given its memory.

        Boot loaders and the EFI stub allocate whatever the map calls free. With KASLR the stub puts the
        kernel anywhere there, a carveout included, and then Linux cannot reserve the region: it prints
        `failed to reserve memory`, or `nomap` for a region that its own text is in. The Devicetree
        Specification (3.5.4) requires no-map regions to be listed as EfiReservedMemoryType and other static
        regions as EfiBootServicesData. U-Boot does that by itself, EDK2 does not.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    efi_map: include_str!("memmap.txt"),
    repair: r"
        The EFI application holds the memory in the firmware's map, as the specification requires, before
        anything large is loaded. The tree does not change.
    ",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for (region, span, range) in shared(analysis, EfiUse::Free) {
        out.report(
            region,
            format_args!("{} is free in the EFI map: the kernel may be put there", range.span),
        )
        .at("reg")
        .region(span, region)
        .span(range.span, Label::Claim(ClaimKind::Efi(range.kind.usage())))
        .help("make the firmware list the region, or boot through the EFI application of ringfence")
        .repair(RepairKind::Hold(region.node), format_args!("hold {} in the EFI map", range.span));
    }
}
