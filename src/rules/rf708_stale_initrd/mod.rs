//! RF708: `/chosen` names an initrd that is not the one of this EFI boot.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::claims::ClaimKind;
use crate::efi::EfiUse;
use crate::finding::{Label, RepairKind, RuleId};
use core::fmt::Arguments;

pub(super) const DOC: Doc = Doc {
    id: RuleId(708),
    name: "stale-initrd",
    title: "/chosen names an initrd that is not the one of this EFI boot",
    why: r"
        In an EFI boot `linux,initrd-start` must name an initrd that a boot loader has loaded, and must not be
        there when the initrd is offered by LoadFile2. Linux takes the one in `/chosen` first, and reserves
        and unpacks whatever is at the address: an entry that an earlier boot or another loader left costs
        the right initrd, and clears `no-map` under it.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    efi_map: include_str!("memmap.txt"),
    repair: r"
        Removes `linux,initrd-start` and `linux,initrd-end`.
    ",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(efi) = &analysis.facts.efi else { return };
    // What is placed is the payload's own.
    let Some(span) = analysis.map.chosen.initrd.filter(|_| analysis.facts.initrd.is_none()) else { return };
    let mut report = |why: Arguments<'_>| {
        out.report("/chosen", why)
            .at("linux,initrd-start")
            .span(span, Label::Claim(ClaimKind::Initrd))
            .help("remove `linux,initrd-start` and `linux,initrd-end`")
            .repair(RepairKind::DropInitrd, format_args!("remove the entry"));
    };
    if efi.offers_initrd {
        report(format_args!("names an initrd at {span}, which wins over the one that LoadFile2 offers"));
    } else if let Some(free) = efi.map.within(span).find(|range| range.kind.usage() == EfiUse::Free) {
        report(format_args!("names an initrd at {span}, and the EFI map calls {} free", free.span));
    }
}
