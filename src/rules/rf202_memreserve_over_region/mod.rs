//! RF202: no `/memreserve/` entry touches a region.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::claims::{Claim, ClaimKind};
use crate::finding::{RepairKind, RuleId, Severity};
use crate::profile::Memreserve;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(202),
    name: "memreserve-over-region",
    title: "no /memreserve/ entry touches a no-map region or a pool",
    severity: Severity::Error,
    why: "Kernels up to 6.3 read /memreserve/ first and then refuse, as a whole, any no-map region that touches \
          an entry: TEE and firmware memory ends up mapped. Later kernels read it last, so the region holds. A \
          CMA pool over an entry hands its pages to the allocator on every kernel.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Drops the part of the entry that the region already covers.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for (low, high) in analysis.pairs() {
        let (entry, other): (Claim, Claim) = match (low.kind, high.kind) {
            (ClaimKind::Memreserve, ClaimKind::Region(..)) => (low, high),
            (ClaimKind::Region(..), ClaimKind::Memreserve) => (high, low),
            _ => continue,
        };
        let Some(region) = analysis.region(other.kind) else { continue };
        let severity = match (region.no_map, region.is_cma()) {
            (true, _) if analysis.profile.memreserve == Memreserve::First => Severity::Error,
            (true, _) => Severity::Warning,
            (_, true) => Severity::Error,
            _ => continue,
        };
        let what = if region.no_map {
            "kernels up to 6.3 then refuse the whole carveout"
        } else {
            "the pool hands its pages to the allocator"
        };
        let finding = OldReport::new(
            DOC.id,
            severity,
            region.path.as_str(),
            format!("/memreserve/ {} touches it: {what}", entry.span),
        )
        .with_span(entry.span, "/memreserve/")
        .with_span(other.span, region.name.as_str())
        .with_help("let one of the two say it: drop the /memreserve/ entry");
        out.push(if region.no_map {
            finding.with_repair(RepairKind::FoldMemreserve, "drop what the region covers from /memreserve/")
        } else {
            finding.with_repair(RepairKind::AlignPool(region.node), "move the pool away from the entry")
        });
    }
}
