//! RF201: two regions overlap.

use super::advice::clear_place;
use super::{Doc, Predicted, Report, Sink};
use crate::analysis::Analysis;
use crate::finding::{Label, RepairKind, RuleId, Severity};
use crate::span::Size;
use crate::survey::Region;

pub(super) const DOC: Doc = Doc {
    id: RuleId(201),
    name: "overlap",
    title: "two reserved regions overlap",
    why: r"
        No two regions may share a byte: where they do, two owners use the same memory.

        Linux prints `OVERLAP DETECTED` only for regions that are neighbours after sorting, and goes on. It
        refuses a no-map region that overlaps a mapped one before it as a whole, so that all of it becomes
        ordinary memory. A CMA pool over another region gives its pages to the allocator.

        A carveout inside another one is a warning where it is meant so: one device uses both, or the outer
        one has no user of its own and only holds the inner one. Every kernel unmaps the two together.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: r"
        With `allow.shift = true` in the policy, moves the later region and those after it up; regions that
        the policy requires at an address stay where they are. Of two regions with the same bytes, or a mapped
        one inside another, disables the one that nothing refers to.
    ",
    predicted: Predicted::Partly,
    ..Doc::DEFAULT
};

/// Maximum number of findings that name another place: each costs a pass over the claims.
const MAX_PLACES: usize = 16;

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for (index, (low, high)) in analysis.pairs().enumerate() {
        let (Some(a), Some(b)) = (analysis.region(low.kind), analysis.region(high.kind)) else { continue };
        let Some(shared) = low.span.intersection(high.span) else { continue };
        if analysis.is_nested((a, low.span), (b, high.span)) {
            let (outer, inner) = if low.span.covers(high.span) { (a, b) } else { (b, a) };
            out.report(outer, format_args!("contains {}, which every kernel unmaps with it", inner.name))
                .severity(Severity::Warning)
                .at("reg")
                .region(low.span, a)
                .region(high.span, b)
                .help("end one where the other begins, unless they share the bytes on purpose");
            continue;
        }
        let report = out
            .report(a, format_args!("overlaps {} by {} at {:#x}", b.name, Size(shared.len()), shared.base()))
            .at("reg")
            .span(shared, Label::Shared)
            .region(low.span, a)
            .region(high.span, b);
        if low.span == high.span {
            advise_on_twins(analysis, report, a, b);
            continue;
        }
        let (inner, outer) = if low.span.covers(high.span) { (b, a) } else { (a, b) };
        // A carveout that has grown looks like this, too; memory that Linux maps is reserved by either.
        let is_mapped = !inner.no_map && !outer.no_map;
        if (low.span.covers(high.span) || high.span.covers(low.span))
            && is_mapped
            && is_spare(analysis, inner, outer)
        {
            report
                .help(format_args!("remove {}: {} reserves its bytes", inner.name, outer.name))
                .repair(RepairKind::Disable(inner.node), format_args!("disable {}", inner.name));
            continue;
        }
        let (start, end) = (high.span.base(), high.span.end());
        let place = if index < MAX_PLACES { clear_place(analysis, &high, low.span.end()) } else { None };
        match (place, start > low.span.base()) {
            (Some(place), true) => {
                let place = place.base();
                report.help(format_args!("end {} at {start:#x}, or move {} to {place:#x}", a.name, b.name));
            }
            (Some(place), false) => {
                report.help(format_args!("move {} to {:#x}", b.name, place.base()));
            }
            (None, true) => {
                report.help(format_args!("end {} at {start:#x}, or move {} elsewhere", a.name, b.name));
            }
            (None, false) => {
                report.help(format_args!("move {} away from {start:#x}..{end:#x}", a.name));
            }
        }
        // A pool is Linux's own memory, so it is the one to give way.
        match [a, b].into_iter().find(|region| region.is_cma()) {
            Some(pool) => {
                report.repair(RepairKind::AlignPool(pool.node), format_args!("move {} elsewhere", pool.name))
            }
            None => report.repair(
                RepairKind::Shift(b.node),
                format_args!("move {} and what follows up to {:#x} or above", b.name, low.span.end()),
            ),
        };
    }
    if analysis.has_more_pairs() {
        let path = analysis.map.reserved.as_ref().map_or("/reserved-memory", |r| r.path.as_str());
        out.report(path, "has more overlaps than are listed")
            .help("fix those that are listed, then check again");
    }
}

/// Says what to do about two regions with the same bytes: one of them is enough.
fn advise_on_twins(analysis: &Analysis<'_, '_>, report: &mut Report, a: &Region, b: &Region) {
    match [(b, a), (a, b)].into_iter().find(|(spare, other)| is_spare(analysis, spare, other)) {
        Some((spare, other)) => report
            .help(format_args!("remove {}: {} reserves the same bytes", spare.name, other.name))
            .repair(RepairKind::Disable(spare.node), format_args!("disable {}", spare.name)),
        None => report.help(format_args!("remove {} or {}, or give each its own place", a.name, b.name)),
    };
}

/// Returns whether nothing finds a region, and the other one, which has its bytes, protects them no less.
fn is_spare(analysis: &Analysis<'_, '_>, spare: &Region, other: &Region) -> bool {
    let node = analysis.tree.node(spare.node);
    let protects = other.no_map || !spare.no_map;
    let is_used = analysis.references().iter().any(|reference| reference.target == Some(spare.node));
    protects && !is_used && !other.is_cma() && spare.spans().len() == 1 && !node.has_prop("compatible")
}
