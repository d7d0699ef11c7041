//! RF303: a CMA pool lies in one stretch of RAM and in one zone.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::ledger::Coverage;
use crate::span::{GIB, Span};
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(303),
    name: "pool-outside-ram",
    title: "a CMA pool lies in RAM and does not cross 4 GiB",
    severity: Severity::Error,
    why: "A pool outside RAM, even partly, panics every kernel in cma_init_reserved_areas. One that crosses a \
          zone boundary \"could not be activated\" and is freed.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Places the pool anew at its full size in free RAM.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for region in analysis.map.enabled().filter(|region| region.is_cma()) {
        for &span in region.spans() {
            let message = if analysis.in_usable(span) != Coverage::All {
                format!("CMA pool {span} does not lie in RAM: Linux panics while it sets the pool up")
            } else if crosses_4g(span) {
                format!("CMA pool {span} crosses 4 GiB: Linux cannot activate it and frees it")
            } else {
                continue;
            };
            out.push(
                OldReport::new(DOC.id, DOC.severity, region.path.as_str(), message)
                    .with_span(span, region.name.as_str())
                    .with_help("move the pool into one bank of RAM, on one side of 4 GiB")
                    .with_repair(RepairKind::AlignPool(region.node), "place the pool in free RAM"),
            );
        }
    }
}

fn crosses_4g(span: Span) -> bool {
    span.base() < 4 * GIB && span.end() > 4 * GIB
}
