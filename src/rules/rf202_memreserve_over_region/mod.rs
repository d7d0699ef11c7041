//! RF202: a `/memreserve/` entry overlaps a no-map region or a pool.

use super::{Doc, Predicted, Sink};
use crate::analysis::Analysis;
use crate::claims::ClaimKind;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::profile::Memreserve;

pub(super) const DOC: Doc = Doc {
    id: RuleId(202),
    name: "memreserve-over-region",
    title: "a /memreserve/ entry overlaps a no-map region or a CMA pool",
    why: r"
        No `/memreserve/` entry may overlap a no-map region or a CMA pool.

        Kernels up to 6.3 read `/memreserve/` first, and then refuse any no-map region that an entry touches
        as a whole: memory of a TEE or of firmware stays mapped. Later kernels read the entries after the
        region, which holds. A CMA pool over an entry gives its pages to the allocator on every kernel.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Drops the part of the entry that the region covers; moves a CMA pool away from the entry.",
    predicted: Predicted::Partly,
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for (low, high) in analysis.pairs() {
        let (entry, claim) = match (low.kind, high.kind) {
            (ClaimKind::Memreserve, _) => (low, high),
            (_, ClaimKind::Memreserve) => (high, low),
            _ => continue,
        };
        let Some(region) = analysis.region(claim.kind) else { continue };
        let consequence = match (region.no_map, region.is_cma()) {
            (true, _) => "kernels up to 6.3 refuse the whole region",
            (_, true) => "the pool gives those pages to the allocator",
            _ => continue,
        };
        let report = out
            .report(region, format_args!("overlaps /memreserve/ {}: {consequence}", entry.span))
            .at("reg")
            .claim(&entry, analysis)
            .region(claim.span, region);
        if !region.no_map {
            report
                .help("move the pool, or drop the /memreserve/ entry")
                .repair(RepairKind::AlignPool(region.node), "move the pool away from the entry");
            continue;
        }
        report
            .help("drop the /memreserve/ entry: the region reserves the bytes")
            .repair(RepairKind::FoldMemreserve, "drop what the region covers from /memreserve/");
        if analysis.profile.memreserve != Memreserve::First {
            report.severity(Severity::Warning);
        }
    }
}
