//! RF118: what an EFI boot reads elsewhere.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::survey::Extent;

pub(super) const DOC: Doc = Doc {
    id: RuleId(118),
    name: "dynamic-under-efi",
    title: "on an EFI boot, every region is one that the EFI memory map can list",
    severity: Severity::Warning,
    why: "With linux,uefi-mmap-start in /chosen Linux discards /memory and takes the EFI map, in which firmware has to list every static region. A dynamic one cannot be in it, so that firmware and kernel may choose the same bytes.",
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
        out.push(
            OldReport::new(
                DOC.id,
                DOC.severity,
                region.path.as_str(),
                "is dynamic, and this is an EFI boot: no EFI map lists it",
            )
            .with_help("give it a fixed address, and list that in the EFI map"),
        );
    }
}
