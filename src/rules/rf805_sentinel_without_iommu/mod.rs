//! RF805: nothing keeps devices out of what the sentinel watches.

use super::{Doc, Kernels, Sink};
use crate::analysis::Analysis;
use crate::fdt::Node;
use crate::finding::{RuleId, Severity};
use crate::sentinel;

pub(super) const DOC: Doc = Doc {
    id: RuleId(805),
    name: "sentinel-without-iommu",
    title: "no IOMMU keeps devices out of watched carveouts",
    severity: Severity::Note,
    kernels: Kernels::None,
    why: r"
        The sentinel sees accesses of processors, not those of devices: DMA reaches a watched carveout
        unseen. An IOMMU, if the tree has one and Linux uses it for every device, limits where DMA goes.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(wanted) = analysis.policy.and_then(|policy| policy.sentinel.as_ref()) else { return };
    let is_iommu = |node: Node<'_, '_>| node.has_prop("#iommu-cells") && node.is_available();
    let watched = sentinel::watched(&analysis.tree, &analysis.map, wanted);
    let first = watched.first().and_then(|watched| analysis.map.region_at(watched.region));
    if let Some(region) = first.filter(|_| !analysis.tree.nodes().any(is_iommu)) {
        out.report(region, "the sentinel does not see DMA to it, and the tree has no IOMMU")
            .help("rely on the sentinel for accesses of processors alone");
    }
}
