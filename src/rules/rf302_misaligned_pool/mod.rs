//! RF302: a static CMA pool starts and ends on a pageblock.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::span::Size;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(302),
    name: "misaligned-pool",
    title: "a static CMA pool starts and ends on a pageblock of the kernel",
    severity: Severity::Error,
    why: "The kernel prints \"incorrect alignment of CMA region\" and frees the memory, together with whatever \
          it overlaps. A pageblock is 2 MiB with 4 KiB pages, 32 MiB with 16 KiB, 512 MiB with 64 KiB. All \
          kernels.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Rounds the pool outward where the bytes are free, else places it anew at its full size.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let align = analysis.profile.cma_align();
    for region in analysis.map.enabled().filter(|region| region.is_cma()) {
        for &span in region.spans().iter().filter(|span| !span.is_aligned(align)) {
            out.push(
                OldReport::new(
                    DOC.id,
                    DOC.severity,
                    region.path.as_str(),
                    format!("CMA pool {span} is not aligned to {}: Linux refuses and frees it", Size(align)),
                )
                .with_span(span, region.name.as_str())
                .with_help(format_args!("make base and size multiples of {:#x}", align))
                .with_repair(
                    RepairKind::AlignPool(region.node),
                    format_args!("align the pool to {}", Size(align)),
                ),
            );
        }
    }
}
