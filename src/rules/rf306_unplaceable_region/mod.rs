//! RF306: a dynamic region can be placed.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::ledger::{self, meeting, subtract};
use crate::span::{Size, Span, align_up};
use crate::survey::{Dynamic, Extent, Region};
use alloc::format;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(306),
    name: "unplaceable-region",
    title: "a dynamic region fits its alloc-ranges, and its alignment is a power of two",
    severity: Severity::Error,
    why: "The kernel prints \"failed to allocate memory for node\" and boots without the region: its driver \
          fails, or takes other memory. An alignment that is no power of two is used as a bit mask.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

/// Dynamic regions that a kernel places at most, and more windows than any of them has: each costs a pass over what is
/// free.
const MOST: usize = 64;

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let mut dynamic =
        analysis.map.enabled().filter(|region| matches!(region.extent, Extent::Dynamic(_))).peekable();
    if dynamic.peek().is_none() {
        return;
    }
    let free = free(analysis);
    for region in dynamic.take(MOST) {
        let Extent::Dynamic(dynamic) = &region.extent else { continue };
        if let Some(align) = dynamic.align.filter(|align| !align.is_power_of_two()) {
            out.push(
                OldReport::new(
                    DOC.id,
                    DOC.severity,
                    region.path.as_str(),
                    format!("alignment {align:#x} is no power of two: the kernel uses it as a bit mask"),
                )
                .with_help(format_args!("write {:#x}", align.checked_next_power_of_two().unwrap_or(1 << 63))),
            );
            continue;
        }
        let Some(free) = &free else { continue };
        let most = most(analysis, free, region, dynamic);
        if dynamic.windows.len() > MOST || most.is_some_and(|most| most.len() >= dynamic.size) {
            continue;
        }
        let wants = Size(dynamic.size);
        let (what, room) = match dynamic.windows.as_slice() {
            [] => ("RAM and the other regions leave", "make room"),
            _ => ("its alloc-ranges, RAM and the other regions leave", "widen alloc-ranges, make room"),
        };
        let (message, help) = match most {
            None => (format!("wants {wants}, but {what} it no place"), format!("{room} or remove it")),
            Some(most) => (
                format!("wants {wants}, but {what} it {most} at most"),
                format!("{room} or ask for {} or less", Size(most.len())),
            ),
        };
        out.push(OldReport::new(DOC.id, DOC.severity, region.path.as_str(), message).with_help(help));
    }
}

/// The RAM that no static region and no `/memreserve/` entry has; `None` when RAM is unknown.
fn free(analysis: &Analysis<'_, '_>) -> Option<Vec<Span>> {
    if !analysis.map.usable.is_known() {
        return None;
    }
    let fixed = analysis.map.enabled().flat_map(|region| region.spans().iter().copied());
    let taken = ledger::union(fixed.chain(analysis.map.memreserve.iter().copied()).collect());
    Some(subtract(analysis.map.usable.spans(), &taken))
}

/// The largest place that there is for one region, were it alone in its wish.
fn most(analysis: &Analysis<'_, '_>, free: &[Span], region: &Region, dynamic: &Dynamic) -> Option<Span> {
    let unit = if region.is_cma() { analysis.profile.cma_align() } else { analysis.profile.page.bytes() };
    let align = dynamic.align.unwrap_or(unit).checked_next_power_of_two()?.max(unit);
    let aligned = |piece: Span| Span::from_ends(align_up(piece.base(), align)?, piece.end());
    let larger = |a: Span, b: Span| if b.len() > a.len() { b } else { a };
    match dynamic.windows.as_slice() {
        [] => free.iter().copied().filter_map(aligned).reduce(larger),
        windows => windows
            .iter()
            .take(MOST)
            .flat_map(|&window| {
                meeting(free, window).iter().filter_map(move |piece| piece.intersection(window))
            })
            .filter_map(aligned)
            .reduce(larger),
    }
}
