//! RF313: devices cannot reach the default CMA pool.

use super::{Doc, Sink, Subject};
use crate::analysis::Analysis;
use crate::claims::ClaimKind;
use crate::finding::{Label, RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(313),
    name: "default-pool-out-of-reach",
    title: "the default CMA pool is out of reach of devices",
    severity: Severity::Warning,
    why: r"
        The default CMA pool should be where devices reach it: below 4 GiB where there is RAM, and below the
        lowest end that a `dma-ranges` of the tree gives. A device with 32 bits of address gets
        its buffers from the default pool and reaches none of it above 4 GiB: its allocations fail. Kernels
        place a node wherever it says, and from 6.17 on `cma=` too; earlier ones refuse such a `cma=`.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let limit = analysis.dma_limit();
    if !analysis.map.usable.spans().iter().any(|bank| bank.base() < limit) {
        return;
    }
    // With a fixed `cma=` the kernel drops the node.
    let arg = analysis.cma_arg().and_then(|arg| arg.fixed());
    let pool = analysis.default_pool().filter(|_| arg.is_none());
    let span = arg.or_else(|| pool?.spans().first().copied());
    let Some(span) = span.filter(|span| span.end() > limit) else { return };
    let (node, property) = match pool {
        Some(pool) => (Subject::from(pool), "reg"),
        None => (Subject::from("/chosen"), "bootargs"),
    };
    let report = out
        .report(
            node,
            format_args!("the default CMA pool {span} is out of reach of devices, which ends at {limit:#x}"),
        )
        .at(property)
        .help(format_args!("place it below {limit:#x}, unless every device has wider addresses"));
    match pool {
        Some(pool) => report.region(span, pool),
        None => report.span(span, Label::Claim(ClaimKind::CmaArg)),
    };
}
