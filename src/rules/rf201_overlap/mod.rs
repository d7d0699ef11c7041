//! RF201: no two regions share a byte.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::claims::ClaimKind;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::span::Size;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(201),
    name: "overlap",
    title: "no two reserved regions share a byte",
    severity: Severity::Error,
    why: "Two owners use the same bytes. Linux reports OVERLAP DETECTED for neighbours after sorting only and \
          goes on. A no-map region behind a mapped one is refused as a whole and becomes ordinary memory; a CMA \
          pool over anything hands those pages to the allocator. All kernels.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "With the policy's word (allow.shift), the later region and those behind it move up, those that the \
             policy requires at an address staying where they are.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for (low, high) in analysis.pairs() {
        let (ClaimKind::Region(..), ClaimKind::Region(..)) = (low.kind, high.kind) else { continue };
        let (Some(a), Some(b)) = (analysis.region(low.kind), analysis.region(high.kind)) else { continue };
        let Some(shared) = low.span.intersection(high.span) else { continue };
        // A pool is Linux's own memory, so it is the one to give way.
        let pool = [a, b].into_iter().find(|region| region.is_cma());
        let repair = match pool {
            Some(pool) => (RepairKind::AlignPool(pool.node), format!("place {} elsewhere", pool.name)),
            None => (
                RepairKind::Shift(b.node),
                format!("move {} and what follows up to {:#x} or above", b.name, low.span.end()),
            ),
        };
        out.push(
            OldReport::new(
                DOC.id,
                DOC.severity,
                a.path.as_str(),
                format!("overlaps {} by {} at {:#x}", b.name, Size(shared.len()), shared.base()),
            )
            .with_span(shared, "claimed twice")
            .with_span(low.span, a.name.as_str())
            .with_span(high.span, b.name.as_str())
            .with_help(format_args!(
                "shrink {} to end at {:#x} or move {} to {:#x} or above",
                a.name,
                high.span.base(),
                b.name,
                low.span.end()
            ))
            .with_repair(repair.0, repair.1),
        );
    }
    if analysis.has_more_pairs() {
        let path =
            analysis.map.reserved.as_ref().map_or("/reserved-memory", |reserved| reserved.path.as_str());
        out.push(
            OldReport::new(DOC.id, DOC.severity, path, "more claims on memory collide than can be listed")
                .with_help("correct those that are listed, then look again"),
        );
    }
}
