//! RF306: a dynamic region cannot be placed.

use super::{Doc, Predicted, Sink};
use crate::analysis::Analysis;
use crate::claims::Lifetime;
use crate::finding::{RuleId, Severity};
use crate::ledger::{self, Coverage, meeting, subtract};
use crate::predict::FailureKind;
use crate::span::{Size, Span, align_up};
use crate::survey::{Dynamic, Extent, Region};
use alloc::string::String;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(306),
    name: "unplaceable-region",
    title: "a dynamic region fits nowhere, or its alignment is not a power of two",
    why: r"
        A dynamic region must fit its `alloc-ranges`, and its `alignment` must be a power of two. Otherwise
        the kernel prints `failed to allocate memory for node` and boots without the region: its driver
        fails, or takes other memory. An alignment that is not a power of two is used as a bit mask.

        Kernels place dynamic regions in an order of their own, after the kernel, the ramdisk and every
        static region: one that would fit alone finds no place when another one comes first. In a tree at
        rest, `alloc-ranges` beyond the RAM that it states say that more is expected: there it is a warning.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    predicted: Predicted::Always,
    repair: r"
        Where a place for every region exists, RF305 gives each a fixed address, the one with the least
        freedom first.
    ",
    ..Doc::DEFAULT
};

/// Maximum number of dynamic regions that a kernel places, and more windows than any of them has: each costs
/// a pass over the free memory.
const MAX_PLACED: usize = 64;
/// Maximum number of owners that a finding names.
const MAX_NAMED: usize = 2;

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let mut dynamic =
        analysis.map.enabled().filter(|region| matches!(region.extent, Extent::Dynamic(_))).peekable();
    if dynamic.peek().is_none() {
        return;
    }
    let free = free(analysis);
    let unplaced = analysis.failing(FailureKind::Unplaced);
    for region in dynamic.take(MAX_PLACED) {
        let Extent::Dynamic(dynamic) = &region.extent else { continue };
        if let Some(align) = dynamic.align.filter(|align| !align.is_power_of_two()) {
            let next = align.checked_next_power_of_two().unwrap_or(1 << 63);
            out.report(
                region,
                format_args!("`alignment` {align:#x} is not a power of two: the kernel uses it as a mask"),
            )
            .at("alignment")
            .severity(Severity::Warning)
            .help(format_args!("write {next:#x}"));
            // Without a prediction nobody knows what the mask does.
            if unplaced.is_none() {
                continue;
            }
        }
        let Some(free) = &free else { continue };
        let largest = largest(analysis, free, region, dynamic);
        let fits = largest.is_some_and(|place| place.len() >= dynamic.size);
        let is_placed = match &unplaced {
            Some(nodes) => nodes.binary_search(&region.node).is_err(),
            None => fits || dynamic.windows.len() > MAX_PLACED,
        };
        if is_placed {
            continue;
        }
        let wants = Size(dynamic.size);
        let (property, what, room) = match dynamic.windows.as_slice() {
            [] => ("size", "RAM and the other regions leave", "make room"),
            _ => (
                "alloc-ranges",
                "its `alloc-ranges` and the other regions leave",
                "widen `alloc-ranges`, make room",
            ),
        };
        let report = match largest {
            Some(_) if fits => out
                .report(
                    region,
                    format_args!(
                        "asks for {wants}, but {} comes first and leaves it no place",
                        first(analysis, region)
                    ),
                )
                .help("give what comes first a fixed address where it leaves room"),
            None => out
                .report(region, format_args!("asks for {wants}, but {what} it no place"))
                .help(format_args!("{room} or remove it")),
            Some(place) => out
                .report(region, format_args!("asks for {wants}, but {what} it at most {place}"))
                .help(format_args!("{room} or ask for {} or less", Size(place.len()))),
        }
        .at(property);
        // RAM that a tree at rest does not state yet may be there.
        let is_outside = |window: &Span| analysis.in_usable(*window) != Coverage::All;
        if !analysis.is_at_boot() && dynamic.windows.iter().any(is_outside) {
            report.severity(Severity::Warning);
        }
    }
}

/// Names what takes the room of a region that would fit alone: dynamic regions that are placed before it, or
/// what the boot loader put there.
fn first(analysis: &Analysis<'_, '_>, region: &Region) -> String {
    let Extent::Dynamic(Dynamic { windows, .. }) = &region.extent else { return String::new() };
    let meets = |span: Span| windows.is_empty() || windows.iter().any(|window| window.overlaps(span));
    let loaded = analysis.claims().iter().filter(|claim| claim.kind.lifetime() == Lifetime::Boot);
    let loaded = loaded.filter(|claim| meets(claim.span)).map(|claim| analysis.name(claim.kind));
    let outcomes = analysis.prediction().into_iter().flat_map(|prediction| &prediction.regions);
    let placed = outcomes.filter(|outcome| {
        let is_dynamic = analysis.map.region(outcome.node).is_some_and(|other| other.spans().is_empty());
        is_dynamic && outcome.node != region.node && outcome.span.is_some_and(meets)
    });
    let names = placed.map(|outcome| outcome.name.clone()).chain(loaded);
    let names: Vec<String> = names.take(MAX_NAMED).collect();
    if names.is_empty() { String::from("the kernel itself") } else { names.join(" with ") }
}

/// Returns the RAM that no static region and no `/memreserve/` entry has; `None` when RAM is unknown.
fn free(analysis: &Analysis<'_, '_>) -> Option<Vec<Span>> {
    if !analysis.map.usable.is_known() {
        return None;
    }
    let fixed = analysis.map.enabled().flat_map(|region| region.spans().iter().copied());
    let taken = ledger::union(fixed.chain(analysis.map.memreserve.iter().copied()).collect());
    Some(subtract(analysis.map.usable.spans(), &taken))
}

/// Returns the largest place for one region, if no other dynamic region takes any of it.
fn largest(analysis: &Analysis<'_, '_>, free: &[Span], region: &Region, dynamic: &Dynamic) -> Option<Span> {
    let unit = if region.is_cma() { analysis.profile.cma_align() } else { analysis.profile.page.bytes() };
    let align = dynamic.align.unwrap_or(unit).checked_next_power_of_two()?.max(unit);
    let aligned = |piece: Span| Span::from_ends(align_up(piece.base(), align)?, piece.end());
    let larger = |a: Span, b: Span| if b.len() > a.len() { b } else { a };
    match dynamic.windows.as_slice() {
        [] => free.iter().copied().filter_map(aligned).reduce(larger),
        windows => windows
            .iter()
            .take(MAX_PLACED)
            .flat_map(|&window| {
                meeting(free, window).iter().filter_map(move |piece| piece.intersection(window))
            })
            .filter_map(aligned)
            .reduce(larger),
    }
}
