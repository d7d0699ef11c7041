//! RF705: a CMA pool is in memory that the EFI map reserves.

use super::efi_map::shared;
use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::claims::ClaimKind;
use crate::efi::EfiUse;
use crate::finding::{Label, RepairKind, RuleId};

pub(super) const DOC: Doc = Doc {
    id: RuleId(705),
    name: "pool-reserved-by-efi",
    title: "a CMA pool is in memory that the EFI memory map reserves",
    why: r"
        A CMA pool must not be in memory that the EFI memory map reserves. Linux does not map such memory,
        so that no device can get its pages: the pool exists by name and never serves an allocation, and the
        memory is lost.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    efi_map: include_str!("memmap.txt"),
    repair: r"
        With `allow.shift = true` in the policy, the pool is placed elsewhere.
    ",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for (region, span, range) in shared(analysis, EfiUse::Reserved).filter(|(region, ..)| region.is_cma()) {
        out.report(region, format_args!("is a pool over {range}, which Linux does not map"))
            .at("reg")
            .region(span, region)
            .span(range.span, Label::Claim(ClaimKind::Efi(range.kind.usage())))
            .help("make the firmware list the pool as EfiBootServicesData, or move the pool")
            .repair(RepairKind::MovePool(region.node), format_args!("move {} elsewhere", region.name));
    }
}
