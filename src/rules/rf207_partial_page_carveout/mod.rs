//! RF207: a carveout does not cover whole pages.

use super::{Doc, Kernels, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::span::Size;

pub(super) const DOC: Doc = Doc {
    id: RuleId(207),
    name: "partial-page-carveout",
    title: "a no-map region does not cover whole pages",
    severity: Severity::Warning,
    kernels: Kernels::Where(|kernel| kernel.maps_partial_pages),
    why: r"
        A no-map region must cover whole pages of the kernel. 6.1.192, 6.18.15 and 7.2.13 keep its partial
        first and last page mapped as cached memory, which `/proc/iomem` hides; 6.12.117 and 7.3 do not.
        Speculative reads then reach memory that firmware protects.
    ",
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
            let size = Size(page);
            out.report(
                region,
                format_args!("{span} does not cover whole pages of {size}: some kernels map its ends"),
            )
            .at("reg")
            .region(span, region)
            .help_cover(analysis, whole, span)
            .repair(RepairKind::RoundOutward(region.node), format_args!("reserve {whole}"));
        }
    }
}
