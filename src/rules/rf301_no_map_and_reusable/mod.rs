//! RF301: a region is both `no-map` and `reusable`.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId};

pub(super) const DOC: Doc = Doc {
    id: RuleId(301),
    name: "no-map-and-reusable",
    title: "a region is both no-map and reusable",
    why: r"
        A region must not have both `no-map` and `reusable`. 6.1 and 6.6 free the whole region; 6.12 and
        6.18 give it to the allocator without mapping it, and the first task that gets a page of it oopses
        in `clear_page`; kernels from 7.2 on keep it unmapped and make no pool.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: r"
        With `allow.drop-flags = true` in the policy, or for a required carveout with `no-map = true`, drops
        `reusable`: protection wins.
    ",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for region in analysis.map.enabled().filter(|region| region.no_map && region.reusable) {
        let report = out
            .report(
                region,
                "has `no-map` and `reusable`: 6.1 and 6.6 free it, 6.12 and 6.18 hand out its unmapped pages",
            )
            .at("reusable")
            .help("remove `reusable` if an owner besides Linux uses the memory, else remove `no-map`")
            .repair(RepairKind::DropFlags(region.node), "drop `reusable`");
        for &span in region.spans().iter().take(4) {
            report.region(span, region);
        }
    }
}
