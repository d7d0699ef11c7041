//! RF409: carveouts start and end on the boundary that the policy sets.

use super::required::GUARD;
use super::{Analysis, Doc, Report, Sink};
use crate::finding::{RuleId, Severity};
use crate::span::Size;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(409),
    title: "carveouts start and end on the boundary that the policy sets",
    severity: Severity::Error,
    kernels: &[],
    why: "Some memory protection units fence whole MiB only, so that a carveout off that boundary is fenced in part, or \
          takes memory of Linux with it. Many boards are not so, and only a policy asks for it.",
    bad: "/ { #address-cells = <2>; #size-cells = <2>;
\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
\t\tdsp@44080000 { reg = <0x0 0x44080000 0x0 0x100000>; no-map; };
\t};
};",
    good: "/ { #address-cells = <2>; #size-cells = <2>;
\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
\t\tdsp@44000000 { reg = <0x0 0x44000000 0x0 0x100000>; no-map; };
\t};
};",
    policy: "boundary = \"1 MiB\"",
    repair: "",
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(boundary) = analysis.policy.and_then(|policy| policy.boundary) else { return };
    for region in analysis.map.enabled().filter(|region| region.no_map && !region.name.starts_with(GUARD)) {
        for &span in region.spans().iter().filter(|span| !span.is_aligned(boundary)) {
            let message = format!("{span} is off the boundary of {} that the policy sets", Size(boundary));
            out.push(
                Report::new(DOC.id, DOC.severity, region.path.as_str(), message)
                    .with_span(span, region.name.as_str())
                    .with_help(format_args!("make base and size multiples of {boundary:#x}")),
            );
        }
    }
}
