//! RF305: a region has no fixed address.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::span::Size;
use crate::survey::Extent;

pub(super) const DOC: Doc = Doc {
    id: RuleId(305),
    name: "dynamic-region",
    title: "a region has no fixed address",
    severity: Severity::Warning,
    why: r"
        A region should have a fixed address before the kernel runs. Kernels place a region without `reg`
        differently: those up to 6.1 in the order of an unstable sort, later ones in tree order; those up to
        5.10 take a no-map one out of RAM altogether, later ones only leave it unmapped; and kernels from
        6.12.13 on may place it over a `/memreserve/` entry.

        At rest, leaving the choice to the kernel is an ordinary way to write a tree: there it is a note.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: r"
        Places the region inside its `alloc-ranges`, away from everything else, at the highest address as
        the kernel does, and writes `reg` in place of `size`, `alignment` and `alloc-ranges`.
    ",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for region in analysis.map.enabled() {
        let Extent::Dynamic(dynamic) = &region.extent else { continue };
        let size = Size(dynamic.size);
        let report = out
            .report(region, format_args!("{size} without a fixed address: the place depends on the kernel"))
            .at("size")
            .help("write `reg` instead of `size`");
        if analysis.map.ram.is_known() {
            report.repair(RepairKind::Pin(region.node), "give it a fixed address");
        } else {
            report.severity(Severity::Note);
        }
    }
}
