//! RF201: two regions overlap.

use super::advice::clear_place;
use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{Label, RepairKind, RuleId};
use crate::span::Size;

pub(super) const DOC: Doc = Doc {
    id: RuleId(201),
    name: "overlap",
    title: "two reserved regions overlap",
    why: r"
        No two regions may share a byte: where they do, two owners use the same memory.

        Linux prints `OVERLAP DETECTED` only for regions that are neighbours after sorting, and goes on. It
        refuses a no-map region that overlaps a mapped one before it as a whole, so that all of it becomes
        ordinary memory. A CMA pool over another region gives its pages to the allocator.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: r"
        With `allow.shift = true` in the policy, moves the later region and those after it up; regions that
        the policy requires at an address stay where they are.
    ",
    ..Doc::DEFAULT
};

/// Maximum number of findings that name another place: each costs a pass over the claims.
const MAX_PLACES: usize = 16;

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for (index, (low, high)) in analysis.pairs().enumerate() {
        let (Some(a), Some(b)) = (analysis.region(low.kind), analysis.region(high.kind)) else { continue };
        let Some(shared) = low.span.intersection(high.span) else { continue };
        let report = out
            .report(a, format_args!("overlaps {} by {} at {:#x}", b.name, Size(shared.len()), shared.base()))
            .at("reg")
            .span(shared, Label::Shared)
            .region(low.span, a)
            .region(high.span, b);
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
