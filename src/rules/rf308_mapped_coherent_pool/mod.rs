//! RF308: a coherent pool is `no-map`.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::survey::Pool;

pub(super) const DOC: Doc = Doc {
    id: RuleId(308),
    name: "mapped-coherent-pool",
    title: "a shared-dma-pool is reusable or no-map",
    severity: Severity::Warning,
    why: "Linux accepts it at boot, but the first device that attaches to it gets -EINVAL, because mapped RAM cannot be mapped again as uncached.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Adds no-map, unless linux,cma-default says that CMA was meant.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let plain =
        |region: &&crate::survey::Region| region.pool == Pool::Shared && !region.no_map && !region.reusable;
    for region in analysis.map.enabled().filter(plain) {
        let finding = OldReport::new(
            DOC.id,
            DOC.severity,
            region.path.as_str(),
            "is neither `no-map` nor `reusable`: no device can attach to it",
        )
        .with_help("add `no-map` for a coherent pool, `reusable` for CMA");
        out.push(finding.with_no_map(region));
    }
}
