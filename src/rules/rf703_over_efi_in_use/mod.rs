//! RF703: a region is over memory that is in use until Linux starts.

use super::efi_map::shared;
use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::claims::ClaimKind;
use crate::efi::{EfiKind, EfiUse};
use crate::finding::{Label, RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(703),
    name: "over-efi-in-use",
    title: "a region is over memory that boot services or a boot loader use until Linux starts",
    severity: Severity::Warning,
    why: r"
        No region should be over memory that boot services or a boot loader use. Until Linux starts, the
        firmware and the boot loader read and write these pages: where the memory is protected already, that
        aborts; where it is not, they may overwrite what the region is for. Once Linux runs, the region
        holds. The initrd in a region is an error of its own (RF205), and so is a table that Linux keeps
        (RF702). The UEFI shell and U-Boot do not print where these tables are; Linux does, with `efi=debug`.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    efi_map: include_str!("memmap.txt"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for (region, span, range) in shared(analysis, EfiUse::UntilLinux) {
        // That is how firmware lists a region which Linux maps (Devicetree Specification 0.4, 3.5.4).
        if !region.no_map && range.kind == EfiKind::BootData {
            continue;
        }
        out.report(region, format_args!("is over {range}, which is in use until Linux starts"))
            .at("reg")
            .region(span, region)
            .span(range.span, Label::Claim(ClaimKind::Efi(range.kind.usage())))
            .help("make the firmware list the region in its map before it allocates anything");
    }
}
