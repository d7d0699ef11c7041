//! RF312: a dynamic CMA pool is of whole pageblocks.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::span::Size;
use crate::survey::Extent;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(312),
    name: "dynamic-pool-size",
    title: "the size of a dynamic CMA pool is a multiple of the kernel's pageblock",
    severity: Severity::Error,
    why: "The kernel aligns where the pool begins and not how long it is: it prints \"incorrect alignment of CMA region\" and frees the memory. A pageblock is 2 MiB with 4 KiB pages, 32 MiB with 16 KiB, 512 MiB with 64 KiB. All kernels.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Where RAM is known, the pool gets a fixed address and its size rounded up.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let align = analysis.profile.cma_align();
    for region in analysis.map.enabled().filter(|region| region.is_cma()) {
        let Extent::Dynamic(dynamic) = &region.extent else { continue };
        if dynamic.size.is_multiple_of(align) {
            continue;
        }
        let message = format!(
            "{} are no multiple of {}: Linux refuses and frees the pool",
            Size(dynamic.size),
            Size(align)
        );
        let finding = OldReport::new(DOC.id, DOC.severity, region.path.as_str(), message)
            .with_help(format_args!("make the size a multiple of {align:#x}"));
        out.push(match analysis.map.ram.is_known() {
            true => finding
                .with_repair(RepairKind::Pin(region.node), "give it a fixed address and whole pageblocks"),
            false => finding,
        });
    }
}
