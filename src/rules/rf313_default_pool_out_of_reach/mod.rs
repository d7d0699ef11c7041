//! RF313: devices reach the default CMA pool.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::span::GIB;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(313),
    name: "default-pool-out-of-reach",
    title: "the default CMA pool lies below 4 GiB where RAM does",
    severity: Severity::Warning,
    why: "A device with 32 bits of address gets its buffers from the default pool and reaches none of it above 4 GiB: its allocations fail. Kernels place a node wherever it says, and from 6.17 on cma= too; before, they refuse such a cma=.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let node = analysis.default_pool().and_then(|pool| Some((pool.path.as_str(), *pool.spans().first()?)));
    let arg = analysis.cma_arg().and_then(|arg| Some(("/chosen", arg.fixed()?)));
    let low = analysis.map.usable.spans().iter().any(|bank| bank.base() < 4 * GIB);
    if let Some((path, span)) = arg.or(node).filter(|(_, span)| low && span.end() > 4 * GIB) {
        out.push(
            OldReport::new(
                DOC.id,
                DOC.severity,
                path,
                format!("the default CMA pool {span} is out of reach for 32-bit devices"),
            )
            .with_span(span, "default CMA pool")
            .with_help("place it below 4 GiB, unless every device has wider addresses"),
        );
    }
}
