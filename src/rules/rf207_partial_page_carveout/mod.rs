//! RF207: a carveout covers whole pages.

use super::{Doc, Kernels, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::span::Size;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(207),
    name: "partial-page-carveout",
    title: "a no-map region covers whole pages of the kernel",
    severity: Severity::Warning,
    kernels: Kernels::Where(|kernel| kernel.maps_partial_pages),
    why: "6.1.192, 6.18.15 and 7.2.13 keep the partial first and last page of a no-map region mapped as cached \
          memory, which /proc/iomem hides; 6.12.117 and 7.3 do not. Speculative reads then reach memory that \
          firmware protects.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Rounds the region outward to whole pages, where no other owner has the bytes.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let page = analysis.profile.page.bytes();
    for region in analysis.map.enabled().filter(|region| region.no_map) {
        for &span in region.spans().iter().filter(|span| !span.is_aligned(page)) {
            let Some(whole) = span.outward(page) else { continue };
            out.push(
                OldReport::new(
                    DOC.id,
                    DOC.severity,
                    region.path.as_str(),
                    format!("{span} does not cover whole pages of {}: some kernels map its ends", Size(page)),
                )
                .with_span(span, region.name.as_str())
                .with_help(format_args!("reserve {whole}"))
                .with_repair(RepairKind::RoundOutward(region.node), format_args!("reserve {whole}")),
            );
        }
    }
}
