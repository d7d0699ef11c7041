//! RF310: a default flag has no effect.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(310),
    name: "ineffective-default-flag",
    title: "a linux,cma-default or linux,dma-default has no effect",
    severity: Severity::Warning,
    why: r"
        `linux,cma-default` must be on a CMA pool, and `linux,dma-default` on one coherent pool. On anything
        but a reusable `shared-dma-pool`, `linux,cma-default` has no effect, and the kernel takes its
        built-in default size instead. Of two `linux,dma-default` regions the second is refused with a
        warning.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let mut coherent = 0;
    for region in analysis.map.enabled() {
        let dma = analysis.tree.node(region.node).has_prop("linux,dma-default");
        coherent += usize::from(dma);
        let (flag, pool) = if region.cma_default && !region.is_cma() {
            ("linux,cma-default", "a CMA pool")
        } else if dma && (region.is_cma() || coherent > 1) {
            ("linux,dma-default", "the only default coherent pool")
        } else {
            continue;
        };
        out.report(region, format_args!("`{flag}` has no effect: the region is not {pool}"))
            .at(flag)
            .help(format_args!("remove `{flag}`, or make the region {pool}"));
    }
}
