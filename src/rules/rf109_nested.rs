//! RF109: a region is a direct child of `/reserved-memory`.

use super::{ALL_KERNELS, Doc, Report, Scene, Sink};
use crate::finding::{RepairKind, RuleId, Severity};
use crate::survey::Extent;

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
    repair: "Moves it up, with its phandle and label.",
};

pub(super) fn check(scene: &Scene<'_, '_>, out: &mut Sink) {
    for region in scene.map.live() {
        let nowhere = region.extent == Extent::Nowhere;
        // Partitions and cells of a region that has a place are its driver's business.
        let means_memory = |flagged: bool, placed: bool| flagged || (nowhere && placed);
        for child in scene.tree.node(region.node).children() {
            let flagged = child.has_prop("no-map") || child.has_prop("reusable");
            if means_memory(flagged, child.has_prop("reg") || child.has_prop("size")) {
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
