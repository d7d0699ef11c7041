//! RF702: a region is over memory that UEFI firmware keeps.

use super::efi_map::shared;
use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::claims::ClaimKind;
use crate::efi::{EfiKind, EfiUse};
use crate::finding::{Label, RepairKind, RuleId};

pub(super) const DOC: Doc = Doc {
    id: RuleId(702),
    name: "over-efi-firmware",
    title: "a region is over memory that the UEFI firmware keeps",
    why: r"
        No region may be over memory that the UEFI firmware keeps: runtime services and ACPI tables stay in
        memory as long as the board runs, and Linux keeps a few tables that the firmware has in memory of
        boot services (memory attributes, system resources, shim's keys). Linux refuses a no-map region that
        is partly over any of them as a whole, so that all of it becomes ordinary memory. It accepts a CMA
        pool over runtime services, and reports `BUG: Bad page state` when it gives the pages to the
        allocator. The owner of a carveout there overwrites the firmware, and the next call of a runtime
        service aborts.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    efi_map: include_str!("memmap.txt"),
    repair: r"
        With `allow.shift = true` in the policy, a CMA pool is placed elsewhere. A carveout stays where its
        owner expects it: nothing moves it.
    ",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for (region, span, range) in shared(analysis, EfiUse::Firmware) {
        let what = if region.is_cma() {
            "Linux takes these pages for its own"
        } else if region.no_map {
            "Linux refuses the whole region"
        } else {
            "both write to these pages"
        };
        let keeper = if range.kind == EfiKind::KeptTable { "Linux" } else { "the firmware" };
        let report = out
            .report(region, format_args!("is over {range}, which {keeper} keeps: {what}"))
            .at("reg")
            .region(span, region)
            .span(range.span, Label::Claim(ClaimKind::Efi(range.kind.usage())))
            .help("move the region, or make the firmware list it as reserved before it allocates");
        if region.is_cma() {
            report.repair(RepairKind::MovePool(region.node), format_args!("move {} elsewhere", region.name));
        }
    }
}
