//! RF302: a static CMA pool is not aligned to pageblocks.

use super::{Doc, Predicted, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId};
use crate::span::Size;

pub(super) const DOC: Doc = Doc {
    id: RuleId(302),
    name: "misaligned-pool",
    title: "a static CMA pool does not start and end on a pageblock",
    why: r"
        A static CMA pool must start and end on a pageblock of the kernel, which is 2 MiB with 4 KiB pages,
        32 MiB with 16 KiB, 512 MiB with 64 KiB. For any other the kernel prints `incorrect alignment of CMA
        region` and frees the memory, together with whatever the pool overlaps.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Rounds the pool outward where the bytes are free, else moves it at its full size.",
    predicted: Predicted::Always,
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let align = analysis.profile.cma_align();
    let size = Size(align);
    for region in analysis.map.enabled().filter(|region| region.is_cma()) {
        for &span in region.spans().iter().filter(|span| !span.is_aligned(align)) {
            let report = out
                .report(
                    region,
                    format_args!("CMA pool {span} is not aligned to {size}: Linux refuses and frees it"),
                )
                .at("reg")
                .region(span, region)
                .repair(RepairKind::AlignPool(region.node), format_args!("align the pool to {size}"));
            match span.outward(align) {
                Some(whole) => report.help_cover(analysis, whole, span),
                None => report.help(format_args!("make base and size multiples of {size}")),
            };
        }
    }
}
