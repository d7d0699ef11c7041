//! RF109: a region is a direct child of `/reserved-memory`.

use super::{ALL_KERNELS, Analysis, Doc, Report, Sink};
use crate::finding::{RepairKind, RuleId, Severity};
use crate::survey::Extent;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(109),
    title: "every region is a direct child of /reserved-memory",
    severity: Severity::Error,
    kernels: ALL_KERNELS,
    why: "Linux does not descend further: a region inside a region, or inside a node that only groups, is ordinary memory. All kernels, without a message.",
    bad: "/ { #address-cells = <2>; #size-cells = <2>;
\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
\t\tfirmware { dsp@44000000 { reg = <0x0 0x44000000 0x0 0x500000>; no-map; }; };
\t};
};",
    good: "/ { #address-cells = <2>; #size-cells = <2>;
\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
\t\tdsp@44000000 { reg = <0x0 0x44000000 0x0 0x500000>; no-map; };
\t};
};",
    policy: "",
    repair: "Moves it up, however deep it is, with its phandle and label. One inside another that is nested itself is left.",
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
                    Report::new(
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
