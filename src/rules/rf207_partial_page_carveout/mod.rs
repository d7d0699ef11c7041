//! RF207: a carveout does not cover whole pages.

use super::{Doc, Kernels, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::ledger::Coverage;
use crate::span::{Size, Span};

pub(super) const DOC: Doc = Doc {
    id: RuleId(207),
    name: "partial-page-carveout",
    title: "a no-map region does not cover whole pages",
    severity: Severity::Warning,
    kernels: Kernels::Where(|kernel| kernel.maps_partial_pages),
    why: r"
        A no-map region must cover whole pages of the kernel. 6.1.192, 6.18.15 and 7.2.13 keep its partial
        first and last page mapped as cached memory, which `/proc/iomem` hides; 6.12.117 and 7.3 do not.
        Speculative reads then reach memory that firmware protects. Outside RAM nothing is mapped in any
        case.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    kernel: "6.6",
    repair: "Rounds the region outward to whole pages, where no other owner has the bytes.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    // A stage boots kernels of every point release, whatever its profile.
    if !analysis.profile.maps_partial_pages && analysis.facts.stage.is_none() {
        return;
    }
    let page = analysis.profile.page.bytes();
    let in_ram = |span: &&Span| !span.is_aligned(page) && analysis.in_ram(**span) != Coverage::None;
    for region in analysis.map.enabled().filter(|region| region.no_map) {
        for &span in region.spans().iter().filter(in_ram) {
            let Some(whole) = span.outward(page) else { continue };
            let size = Size(page);
            out.report(
                region,
                format_args!("{span} does not cover whole pages of {size}: Linux maps the rest of them"),
            )
            .at("reg")
            .region(span, region)
            .help_whole_pages(analysis, whole, span)
            .repair(RepairKind::RoundOutward(region.node), format_args!("reserve {whole}"));
        }
    }
}
