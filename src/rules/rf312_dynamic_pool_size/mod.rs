//! RF312: the size of a dynamic CMA pool is not a multiple of a pageblock.

use super::{Doc, Predicted, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId};
use crate::span::Size;
use crate::survey::Extent;

pub(super) const DOC: Doc = Doc {
    id: RuleId(312),
    name: "dynamic-pool-size",
    title: "the size of a dynamic CMA pool is not a multiple of a pageblock",
    why: r"
        The size of a dynamic CMA pool must be a multiple of the kernel's pageblock, which is 2 MiB with 4
        KiB pages (kernels up to 5.18 want 4 MiB), 32 MiB with 16 KiB, 512 MiB with 64 KiB. The kernel
        aligns the base of the pool and not its size: it prints `incorrect alignment of CMA region` and
        frees the memory.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Where RAM is known, the pool gets a fixed address and its size rounded up.",
    predicted: Predicted::Always,
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let align = analysis.profile.cma_align();
    for region in analysis.map.enabled().filter(|region| region.is_cma()) {
        let Extent::Dynamic(dynamic) = &region.extent else { continue };
        if dynamic.size.is_multiple_of(align) {
            continue;
        }
        let (size, block) = (Size(dynamic.size), Size(align));
        let report = out
            .report(
                region,
                format_args!("{size} are not a multiple of {block}: Linux refuses and frees the pool"),
            )
            .at("size")
            .help(format_args!("make `size` a multiple of {align:#x}"));
        if analysis.map.ram.is_known() {
            report.repair(RepairKind::Pin(region.node), "give it a fixed address and whole pageblocks");
        }
    }
}
