//! RF118: a dynamic region in an EFI boot.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::survey::Extent;

pub(super) const DOC: Doc = Doc {
    id: RuleId(118),
    name: "dynamic-under-efi",
    title: "a region of an EFI boot is one that the EFI memory map cannot list",
    severity: Severity::Warning,
    why: r"
        In an EFI boot every region must be static. With `linux,uefi-mmap-start` in `/chosen` Linux discards
        `/memory` and takes RAM from the EFI map, in which firmware must list every static region. A dynamic
        region cannot be in it, so that firmware and kernel may choose the same bytes.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Where RAM is known, RF305 gives the region a fixed address.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    if !analysis.is_efi() {
        return;
    }
    for region in analysis.map.enabled().filter(|region| matches!(region.extent, Extent::Dynamic(_))) {
        out.report(region, "is dynamic: no EFI memory map lists it, so firmware may use the same bytes")
            .at("size")
            .help("give it a fixed address, and list that in the EFI memory map");
    }
}
