//! RF409: a carveout is off the boundary that the policy sets.

use super::{Doc, Kernels, Sink};
use crate::analysis::{Analysis, GUARD};
use crate::finding::RuleId;
use crate::span::Size;

pub(super) const DOC: Doc = Doc {
    id: RuleId(409),
    name: "off-boundary",
    title: "a carveout is off the boundary that the policy sets",
    kernels: Kernels::None,
    why: r"
        With `boundary` in the policy, carveouts must start and end on it. Some memory protection units
        protect whole MiB only: a carveout off that boundary is protected in part, or takes memory of Linux
        with it. Many boards have no such limit, so only a policy asks for it.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(boundary) = analysis.policy.and_then(|policy| policy.boundary) else { return };
    let size = Size(boundary);
    for region in analysis.map.enabled().filter(|region| region.no_map && !region.name.starts_with(GUARD)) {
        for &span in region.spans().iter().filter(|span| !span.is_aligned(boundary)) {
            let report = out
                .report(region, format_args!("{span} is off the boundary of {size} that the policy sets"))
                .at("reg")
                .region(span, region);
            match span.outward(boundary) {
                Some(whole) => report.help_cover(analysis, whole, span),
                None => report.help(format_args!("make base and size multiples of {size}")),
            };
        }
    }
}
