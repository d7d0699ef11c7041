//! RF118: what an EFI boot reads elsewhere.

use super::{ALL_KERNELS, Analysis, Doc, Report, Sink};
use crate::finding::{RuleId, Severity};
use crate::survey::Extent;

pub(super) const DOC: Doc = Doc {
    id: RuleId(118),
    title: "on an EFI boot, every region is one that the EFI memory map can list",
    severity: Severity::Warning,
    kernels: ALL_KERNELS,
    why: "With linux,uefi-mmap-start in /chosen Linux discards /memory and takes the EFI map, in which firmware has to list every static region. A dynamic one cannot be in it, so that firmware and kernel may choose the same bytes.",
    bad: "/ { #address-cells = <2>; #size-cells = <2>;
\tmemory@40000000 { device_type = \"memory\"; reg = <0x0 0x40000000 0x0 0x40000000>; };
\tchosen { linux,uefi-mmap-start = <0x0 0x7f000000>; };
\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
\t\tpool { size = <0x0 0x1000000>; };
\t};
};",
    good: "/ { #address-cells = <2>; #size-cells = <2>;
\tmemory@40000000 { device_type = \"memory\"; reg = <0x0 0x40000000 0x0 0x40000000>; };
\tchosen { linux,uefi-mmap-start = <0x0 0x7f000000>; };
\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
\t\tpool@7e000000 { reg = <0x0 0x7e000000 0x0 0x1000000>; };
\t};
};",
    policy: "",
    repair: "Where RAM is known, RF305 gives the region a fixed address.",
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    if !analysis.is_efi() {
        return;
    }
    for region in analysis.map.enabled().filter(|region| matches!(region.extent, Extent::Dynamic(_))) {
        out.push(
            Report::new(
                DOC.id,
                DOC.severity,
                region.path.as_str(),
                "is dynamic, and this is an EFI boot: no EFI map lists it",
            )
            .with_help("give it a fixed address, and list that in the EFI map"),
        );
    }
}
