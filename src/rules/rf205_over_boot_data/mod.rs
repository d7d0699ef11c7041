//! RF205: no region lies over the kernel, the initrd, the DTB, the stage or the bundle.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::claims::{Claim, ClaimKind, Lifetime};
use crate::finding::{RuleId, Severity};
use crate::survey::Region;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(205),
    name: "over-boot-data",
    title: "no region lies over what the boot loader put in memory",
    severity: Severity::Error,
    why: "A no-map region that touches the kernel, the initrd or the DTB is refused as a whole: all of it \
          becomes ordinary memory, while kernels from 6.12 on still print `nomap` for it. A CMA pool there \
          hands kernel text or the ramdisk to the allocator. A region over the initrd is freed with it.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "The stage finds another place for kernel, initrd and DTB by itself. What already lies inside a \
             carveout when the stage starts (itself, the bundle) must be loaded elsewhere.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for (low, high) in analysis.pairs() {
        let (region_claim, boot): (Claim, Claim) =
            match (analysis.region(low.kind), analysis.region(high.kind)) {
                (Some(_), None) => (low, high),
                (None, Some(_)) => (high, low),
                _ => continue,
            };
        let Some(region) = analysis.region(region_claim.kind) else { continue };
        let Some(severity) = severity(boot.kind, region) else { continue };
        let what = analysis.name(boot.kind);
        let Some(shared) = boot.span.intersection(region_claim.span) else { continue };
        out.push(
            OldReport::new(
                DOC.id,
                severity,
                region.path.as_str(),
                format!("lies over the {what} at {shared}"),
            )
            .with_span(shared, "claimed twice")
            .with_span(region_claim.span, region.name.as_str())
            .with_span(boot.span, what.as_str())
            .with_help(format_args!("load the {what} outside {}", region_claim.span)),
        );
    }
}

/// What the stage is done with when the kernel starts may lie in memory that is merely reserved.
fn severity(boot: ClaimKind, region: &Region) -> Option<Severity> {
    match boot.lifetime() {
        Lifetime::Boot | Lifetime::Firmware => Some(Severity::Error),
        Lifetime::HandOff if region.no_map => Some(Severity::Error),
        Lifetime::HandOff => Some(Severity::Note),
        Lifetime::Reserved | Lifetime::EfiMap | Lifetime::Display | Lifetime::Request => None,
    }
}
