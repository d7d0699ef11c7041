//! RF205: a region is over the kernel, the initrd, the DTB, or what else the boot needs.

use super::{Doc, Predicted, Sink};
use crate::analysis::Analysis;
use crate::claims::{Claim, ClaimKind, Lifetime};
use crate::finding::{Label, RuleId, Severity};
use crate::survey::Region;

pub(super) const DOC: Doc = Doc {
    id: RuleId(205),
    name: "over-boot-data",
    title: "a region overlaps what the boot loader put in memory",
    why: r"
        No region may overlap the kernel, the initrd, the DTB, the running stage or its bundle.

        Linux refuses a no-map region that touches the kernel, the initrd or the DTB as a whole: all of it
        becomes ordinary memory, while kernels from 6.12 on still print `nomap` for it. A CMA pool there
        gives kernel text or the ramdisk to the allocator. A region over the initrd is freed with it.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: r"
        The stage finds another place for kernel, initrd and DTB by itself. What is inside a carveout when
        the stage starts (itself, the bundle) must be loaded elsewhere.
    ",
    predicted: Predicted::Partly,
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for (low, high) in analysis.pairs() {
        let (claim, boot): (Claim, Claim) = match (low.kind.is_region(), high.kind.is_region()) {
            (true, false) => (low, high),
            (false, true) => (high, low),
            _ => continue,
        };
        let Some(region) = analysis.region(claim.kind) else { continue };
        let Some(severity) = severity(boot.kind, region) else { continue };
        let Some(shared) = boot.span.intersection(claim.span) else { continue };
        let what = boot.kind.label();
        out.report(region, format_args!("overlaps the {what} at {shared}"))
            .at("reg")
            .severity(severity)
            .span(shared, Label::Shared)
            .region(claim.span, region)
            .claim(&boot, analysis)
            .help(format_args!("load the {what} outside {}", claim.span));
    }
}

/// What the stage no longer needs when the kernel starts may be in memory that is only reserved.
fn severity(boot: ClaimKind, region: &Region) -> Option<Severity> {
    match boot.lifetime() {
        Lifetime::Boot | Lifetime::Firmware => Some(Severity::Error),
        Lifetime::HandOff if region.no_map => Some(Severity::Error),
        Lifetime::HandOff => Some(Severity::Note),
        Lifetime::Reserved | Lifetime::EfiMap | Lifetime::Display | Lifetime::Request => None,
    }
}
