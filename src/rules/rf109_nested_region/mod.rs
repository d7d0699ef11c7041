//! RF109: a region is a direct child of `/reserved-memory`.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::survey::Extent;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(109),
    name: "nested-region",
    title: "every region is a direct child of /reserved-memory",
    severity: Severity::Error,
    why: "Linux does not descend further: a region inside a region, or inside a node that only groups, is ordinary memory. All kernels, without a message.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Moves it up, however deep it is, with its phandle and label. One inside another that is nested itself is left.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let live = analysis
        .map
        .enabled()
        .map(|region| (analysis.tree.node(region.node), region.extent == Extent::Nowhere));
    let mut left: Vec<_> = live.collect();
    left.reverse();
    while let Some((node, nowhere)) = left.pop() {
        for child in node.children() {
            let flagged = child.has_prop("no-map") || child.has_prop("reusable");
            let placed = child.has_prop("reg") || child.has_prop("size");
            left.push((child, nowhere && !placed));
            // Partitions and cells of a region that has a place are its driver's business.
            if flagged || (nowhere && placed) {
                out.push(
                    OldReport::new(
                        DOC.id,
                        DOC.severity,
                        child.path(),
                        "is nested too deep: Linux does not see it",
                    )
                    .with_help("put it directly into /reserved-memory")
                    .with_repair(RepairKind::Hoist(child.id()), "put it directly into /reserved-memory"),
                );
            }
        }
    }
}
