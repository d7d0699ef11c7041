//! RF409: carveouts start and end on the boundary that the policy sets.

use super::{Doc, Kernels, OldReport, Sink};
use crate::analysis::{Analysis, GUARD};
use crate::finding::{RuleId, Severity};
use crate::span::Size;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(409),
    name: "off-boundary",
    title: "carveouts start and end on the boundary that the policy sets",
    severity: Severity::Error,
    kernels: Kernels::None,
    why: "Some memory protection units fence whole MiB only, so that a carveout off that boundary is fenced in part, or \
          takes memory of Linux with it. Many boards are not so, and only a policy asks for it.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(boundary) = analysis.policy.and_then(|policy| policy.boundary) else { return };
    for region in analysis.map.enabled().filter(|region| region.no_map && !region.name.starts_with(GUARD)) {
        for &span in region.spans().iter().filter(|span| !span.is_aligned(boundary)) {
            let message = format!("{span} is off the boundary of {} that the policy sets", Size(boundary));
            out.push(
                OldReport::new(DOC.id, DOC.severity, region.path.as_str(), message)
                    .with_span(span, region.name.as_str())
                    .with_help(format_args!("make base and size multiples of {boundary:#x}")),
            );
        }
    }
}
