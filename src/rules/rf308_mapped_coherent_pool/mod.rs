//! RF308: a `shared-dma-pool` is neither `no-map` nor `reusable`.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::survey::Pool;

pub(super) const DOC: Doc = Doc {
    id: RuleId(308),
    name: "mapped-coherent-pool",
    title: "a shared-dma-pool is neither no-map nor reusable",
    severity: Severity::Warning,
    why: r"
        A `shared-dma-pool` must be `no-map` (coherent) or `reusable` (CMA). Linux accepts any other at
        boot, but the first device that attaches to it gets `-EINVAL`, because mapped RAM cannot be mapped
        again as uncached.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Adds `no-map`, unless `linux,cma-default` shows that CMA was meant.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let plain =
        |region: &&crate::survey::Region| region.pool == Pool::Shared && !region.no_map && !region.reusable;
    for region in analysis.map.enabled().filter(plain) {
        out.report(region, "is neither `no-map` nor `reusable`: no device can attach to it")
            .at("no-map")
            .help("add `no-map` for a coherent pool, `reusable` for CMA")
            .repair_no_map(region);
    }
}
