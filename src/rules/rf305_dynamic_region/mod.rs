//! RF305: a region has a fixed address.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::span::Size;
use crate::survey::Extent;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(305),
    name: "dynamic-region",
    title: "a dynamic region gets a fixed address before the kernel runs",
    severity: Severity::Warning,
    why: "Where a region without reg ends up differs between kernels: 6.1 allocates in the order of an unstable \
          sort, later ones in tree order, and kernels from 6.4 on may place it over a /memreserve/ entry.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Places the region inside its alloc-ranges, away from everything else, highest address first as \
             the kernel does, and writes reg in place of size, alignment and alloc-ranges.",
    ..Doc::DEFAULT
};

/// At rest, leaving the choice to the kernel is an ordinary way to write a tree, so that is a note; what will
/// be booted (RAM known, a stage or a kernel placed) deserves the warning.
pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let ram = analysis.map.ram.is_known();
    for region in analysis.map.enabled() {
        let Extent::Dynamic(dynamic) = &region.extent else { continue };
        let finding = OldReport::new(
            DOC.id,
            if ram { DOC.severity } else { Severity::Note },
            region.path.as_str(),
            format!("{} without a fixed address: where it lands depends on the kernel", Size(dynamic.size)),
        )
        .with_help("write `reg` instead of `size`, or let `fix` choose");
        out.push(if ram {
            finding.with_repair(RepairKind::Pin(region.node), "give it a fixed address")
        } else {
            finding
        });
    }
}
