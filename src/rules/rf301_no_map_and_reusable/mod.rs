//! RF301: a region is both `no-map` and `reusable`.

use super::{Doc, Predicted, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::profile::FailedNoMap;
use crate::survey::Pool;

pub(super) const DOC: Doc = Doc {
    id: RuleId(301),
    name: "no-map-and-reusable",
    title: "a region is both no-map and reusable",
    why: r"
        A region must not have both `no-map` and `reusable`. Where it is to be a pool, its set-up fails.
        Kernels up to 5.10 then make RAM of it, whether it was RAM or not; 5.15 to 6.12.12 free the whole
        region; 6.12.13 to 7.0 give it to the allocator without mapping it, and the first task that gets a
        page of it oopses in `clear_page`; kernels from 7.1 on keep it unmapped and make no pool.

        Without `compatible` it is unmapped, and `reusable` has no effect: a warning.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: r"
        With `allow.drop-flags = true` in the policy, or for a required carveout with `no-map = true`, drops
        `reusable`: protection wins.
    ",
    predicted: Predicted::Partly,
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let consequence = match analysis.profile.failed_no_map {
        FailedNoMap::AddedToRam => "Linux makes ordinary RAM of it",
        FailedNoMap::Freed => "Linux frees it",
        FailedNoMap::FreedUnmapped => "Linux hands out its unmapped pages",
        FailedNoMap::Kept => "Linux makes no pool of it, and older kernels free it",
    };
    for region in analysis.map.enabled().filter(|region| region.no_map && region.reusable) {
        let is_pool = region.pool != Pool::None;
        let consequence = if is_pool { consequence } else { "Linux ignores `reusable`" };
        let report = out
            .report(region, format_args!("has `no-map` and `reusable`: {consequence}"))
            .at("reusable")
            .help("remove `reusable` if an owner besides Linux uses the memory, else remove `no-map`")
            .repair(RepairKind::DropFlags(region.node), "drop `reusable`");
        if !is_pool {
            report.severity(Severity::Warning);
        }
        for &span in region.spans().iter().take(4) {
            report.region(span, region);
        }
    }
}
