//! RF109: a region is nested deeper than Linux looks.

use super::{Doc, Kernels, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::survey::Extent;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(109),
    name: "nested-region",
    title: "a region is not a direct child of /reserved-memory",
    kernels: Kernels::Where(|kernel| !kernel.reads_nested),
    why: r"
        A region must be a direct child of `/reserved-memory`. Linux does not descend further: a region
        inside a region, or inside a node that only groups, is ordinary memory, and no kernel logs it.
        Kernels up to 5.18 read regions at any depth: for them it is a warning.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Moves it into `/reserved-memory`, however deep it is, with its phandle and label.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let roots = analysis
        .map
        .enabled()
        .map(|region| (analysis.tree.node(region.node), region.extent == Extent::Nowhere));
    let mut left: Vec<_> = roots.collect();
    left.reverse();
    while let Some((node, only_groups)) = left.pop() {
        for child in node.children() {
            let is_flagged = child.has_prop("no-map") || child.has_prop("reusable");
            let is_placed = child.has_prop("reg") || child.has_prop("size");
            left.push((child, only_groups && !is_placed));
            // Partitions and cells of a region that has a place are its driver's business.
            if is_flagged || (only_groups && is_placed) {
                let report = if analysis.profile.reads_nested {
                    out.report(child, "is nested: this kernel reserves it, and those from 5.19 on do not")
                        .severity(Severity::Warning)
                } else {
                    out.report(child, "is nested too deep: Linux does not reserve it")
                };
                report
                    .help("move it directly into /reserved-memory")
                    .repair(RepairKind::Hoist(child.id()), "move it directly into /reserved-memory");
            }
        }
    }
}
