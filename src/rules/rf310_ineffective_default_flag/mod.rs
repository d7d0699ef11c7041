//! RF310: a default pool can be one.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(310),
    name: "ineffective-default-flag",
    title: "linux,cma-default is on a CMA pool, linux,dma-default on one coherent pool",
    severity: Severity::Warning,
    why: "On anything but a reusable shared-dma-pool linux,cma-default means nothing, and the kernel takes its built-in default size instead. Of two linux,dma-default regions the second is refused with a warning.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let mut coherent = 0;
    for region in analysis.map.enabled() {
        let dma = analysis.tree.node(region.node).has_prop("linux,dma-default");
        coherent += usize::from(dma);
        let flag = match (region.cma_default && !region.is_cma(), dma && (region.is_cma() || coherent > 1)) {
            (true, _) => "linux,cma-default",
            (_, true) => "linux,dma-default",
            _ => continue,
        };
        out.push(
            OldReport::new(
                DOC.id,
                DOC.severity,
                region.path.as_str(),
                format!("`{flag}` has no effect on it"),
            )
            .with_help(format_args!("remove `{flag}`, or make the region what the flag says")),
        );
    }
}
