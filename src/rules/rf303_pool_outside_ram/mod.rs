//! RF303: a CMA pool is outside RAM or crosses a zone.

use super::{Doc, Predicted, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId};
use crate::ledger::Coverage;
use crate::span::{GIB, Span};

pub(super) const DOC: Doc = Doc {
    id: RuleId(303),
    name: "pool-outside-ram",
    title: "a CMA pool is outside RAM or crosses 4 GiB",
    why: r"
        A CMA pool must be in one RAM bank and must not cross 4 GiB. A pool outside RAM, even in part,
        panics every kernel in `cma_init_reserved_areas`. One that crosses a zone boundary `could not be
        activated` and is freed.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Moves the pool into free RAM at its full size.",
    predicted: Predicted::Partly,
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for region in analysis.map.enabled().filter(|region| region.is_cma()) {
        for &span in region.spans() {
            let consequence = if analysis.in_usable(span) != Coverage::All {
                "is not in RAM: Linux panics while it sets the pool up"
            } else if crosses_4g(span) {
                "crosses 4 GiB: Linux cannot activate it and frees it"
            } else {
                continue;
            };
            out.report(region, format_args!("CMA pool {span} {consequence}"))
                .at("reg")
                .region(span, region)
                .help("move the pool into one bank of RAM, on one side of 4 GiB")
                .repair(RepairKind::AlignPool(region.node), "move the pool into free RAM");
        }
    }
}

fn crosses_4g(span: Span) -> bool {
    span.base() < 4 * GIB && span.end() > 4 * GIB
}
