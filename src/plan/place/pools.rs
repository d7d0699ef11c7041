//! Places for pools and dynamic regions.

use super::default_pool::{self, DefaultPool, Via};
use super::space::{Request, Space};
use crate::claims::Lifetime;
use crate::ledger::meeting;
use crate::order;
use crate::plan::layout::{Layout, Origin, Slot};
use crate::plan::no_fit::explain_no_fit;
use crate::plan::{RepairKind, Repaired};
use crate::policy::Mode;
use crate::span::{Size, Span, align_up};
use crate::survey::{Extent, Region, TupleIndex};
use alloc::format;
use alloc::vec::Vec;

/// More regions without a place than any board has: each costs a pass over what is taken.
const MAX_REQUESTS: usize = 1024;

/// Takes the places of the static pools that need no repair and are over nothing. Removes the others from the
/// layout and returns them: they look for a place later. `early` is what was placed before the pools.
pub(super) fn keep_what_is_right(
    layout: &mut Layout<'_, '_, '_>,
    space: &mut Space<'_, '_, '_>,
    early: &[Option<Span>],
) -> Vec<Slot> {
    let (mut pools, mut wrong): (Vec<(Span, usize)>, Vec<usize>) = (Vec::new(), Vec::new());
    for (slot, at) in layout.slots().iter().zip(0..).filter(|(slot, _)| !slot.stays()) {
        if is_wrong(layout, slot) { wrong.push(at) } else { pools.push((slot.span(), at)) }
    }
    // In ascending order, so that a pool meets only the one before it and what was taken.
    order::sort(&mut pools);
    let (mut kept, mut end) = (Vec::new(), 0);
    for (span, at) in pools {
        if span.base() < end || (space.is_taken(span) && is_over_owner(layout, span, early)) {
            wrong.push(at);
        } else {
            end = span.end();
            kept.push(span);
        }
    }
    space.take_all(kept.into_iter());
    order::sort(&mut wrong);
    // Where nothing may be repaired they stay.
    if layout.analysis.policy.is_some_and(|policy| policy.mode != Mode::Fix) {
        let slots = wrong.iter().filter_map(|&at| layout.slots().get(at));
        space.take_all(slots.map(Slot::span).collect::<Vec<_>>().into_iter());
        return Vec::new();
    }
    layout.remove(&wrong)
}

/// Checks whether another owner has part of a static pool's place. The firmware's memory map is not one: it
/// lists a pool as memory of boot services, and where it keeps the bytes, moving takes a permission.
fn is_over_owner(layout: &Layout<'_, '_, '_>, span: Span, early: &[Option<Span>]) -> bool {
    let analysis = layout.analysis;
    if analysis.facts.efi.is_none() {
        return true;
    }
    let obstacles = analysis.claims_over(span).filter(|claim| !claim.kind.is_region());
    let mut owners = obstacles.map(|claim| claim.kind.lifetime()).filter(|lifetime| !lifetime.is_soft());
    let mut fixed = layout.slots().iter().filter(|slot| slot.stays());
    early.iter().flatten().any(|placed| placed.overlaps(span))
        || fixed.any(|slot| slot.span().overlaps(span))
        || owners.any(|lifetime| !matches!(lifetime, Lifetime::HandOff | Lifetime::EfiMap))
}

/// Checks whether a static pool has to move for its own sake.
fn is_wrong(layout: &Layout<'_, '_, '_>, slot: &Slot) -> bool {
    let Origin::Region(index, tuple) = *slot.origin() else { return false };
    layout.analysis.map.region_at(index).is_some_and(|region| {
        layout.wanted.has(RepairKind::AlignPool(region.node))
            || layout.wanted.has(RepairKind::MovePool(region.node))
            || (tuple == TupleIndex::FIRST && default_pool::is_displeasing(layout, region, slot.span()))
    })
}

/// Places every pool and dynamic region that needs it: static pools first, since they have a place to keep
/// to, then dynamic regions, then the default CMA
/// pool. `unplaced` bytes of the boot's own things are placed after all of these.
pub(super) fn place(
    layout: &mut Layout<'_, '_, '_>,
    space: &mut Space<'_, '_, '_>,
    displaced: &[Slot],
    unplaced: u64,
) -> DefaultPool {
    let analysis = layout.analysis;
    let moved = displaced.iter().filter_map(|slot| {
        let Origin::Region(index, tuple) = *slot.origin() else { return None };
        Some((index, tuple, analysis.map.region_at(index)?, Some(slot.span())))
    });
    let pinned = analysis.map.indexed_regions().filter(|(_, region)| {
        region.enabled
            && layout.wanted.has(RepairKind::Pin(region.node))
            && layout.slot_of(region.node).is_none()
    });
    let mut pinned: Vec<_> = pinned.map(|(index, region)| (index, TupleIndex::FIRST, region, None)).collect();
    if pinned.len() <= MAX_REQUESTS {
        order::sort_by_key(&mut pinned, |(_, _, region, _)| freedom(layout, region));
    }
    let all: Vec<_> = moved.chain(pinned).collect();
    if all.len() > MAX_REQUESTS {
        layout.fail("/reserved-memory", "more regions look for a place than can be placed in one go");
        return DefaultPool::default();
    }
    for (index, tuple, region, old) in all {
        let origin = Origin::Region(index, tuple);
        let request = match old {
            Some(span) => static_request(layout, span),
            None => dynamic_request(layout, region),
        };
        let request = request.and_then(|request| default_pool::constrained(layout, request, region, tuple));
        let Some(request) = request else {
            layout.fail(&region.path, "asks for more memory than can be addressed");
            continue;
        };
        let Some(span) = find(layout, space, &request, &region.path) else { continue };
        let line = match old {
            None => {
                Repaired::new(RepairKind::Pin(region.node), region.path.as_str(), format!("pinned at {span}"))
            }
            Some(_) => {
                let what = format!("pool placed at {span}");
                let moved = RepairKind::MovePool(region.node);
                let kind = if layout.wanted.has(moved) { moved } else { RepairKind::AlignPool(region.node) };
                Repaired::new(kind, region.path.as_str(), what)
            }
        };
        layout.put(Slot::of(origin, span, layout.unmaps(region), request.pool, line));
    }
    // Only now: how far up `cma=` may reach depends on what the others have taken.
    let mut pool = DefaultPool::default();
    if let Some((via, request)) = default_pool::request(layout, space, unplaced) {
        let found = find(layout, space, &request, "default CMA pool");
        match via {
            Via::Bootargs => pool.arg = found,
            Via::Node => pool.node = found,
        }
    }
    pool
}

/// Where a region has this many times its size to choose from, it is as free as any.
const AMPLE: u64 = 16;

/// Orders dynamic regions: those with the least freedom first, then by name, whatever their order in the
/// tree.
fn freedom<'r>(layout: &Layout<'_, '_, '_>, region: &'r Region) -> (u64, &'r str) {
    let Extent::Dynamic(dynamic) = &region.extent else { return (u64::MAX, &region.name) };
    let ram = layout.analysis.map.usable.spans();
    let everywhere = Span::from_ends(0, u64::MAX);
    let windows = if dynamic.windows.is_empty() { everywhere.as_slice() } else { &dynamic.windows };
    let pieces = windows
        .iter()
        .flat_map(|&window| meeting(ram, window).iter().filter_map(move |bank| bank.intersection(window)));
    let room = pieces.map(Span::len).fold(0, u64::saturating_add);
    let is_ample = dynamic.size.saturating_mul(AMPLE) <= room;
    (if is_ample { u64::MAX } else { room.saturating_sub(dynamic.size) }, &region.name)
}

/// Finds and takes a place, or notes why there is none.
fn find(
    layout: &mut Layout<'_, '_, '_>,
    space: &mut Space<'_, '_, '_>,
    request: &Request,
    name: &str,
) -> Option<Span> {
    if let Some(span) = space.find(request) {
        space.take(span);
        return Some(span);
    }
    let others = if request.windows.len() > 1 { " or the others" } else { "" };
    let window = request.windows.first().map_or_else(|| "RAM".into(), |window| format!("{window}{others}"));
    let base = request.windows.iter().map(|window| window.base()).min();
    let end = request.windows.iter().map(|window| window.end()).max();
    let hull = base.zip(end).and_then(|(base, end)| Span::from_ends(base, end));
    let elsewhere = explain_no_fit(layout.analysis, space.spans(), request.size, request.align, hull);
    let (size, align) = (Size(request.size), Size(request.align));
    layout.fail(name, format!("no free window of {size} aligned to {align} in {window}{elsewhere}"));
    None
}

fn static_request(layout: &Layout<'_, '_, '_>, span: Span) -> Option<Request> {
    let align = layout.analysis.profile.cma_align();
    let as_it_is = Some(span).filter(|span| span.is_aligned(align));
    Some(Request {
        size: align_up(span.len(), align)?,
        align,
        windows: Vec::new(),
        prefer: as_it_is.into_iter().chain(span.outward(align)).collect(),
        fallback: None,
        pool: true,
    })
}

fn dynamic_request(layout: &Layout<'_, '_, '_>, region: &Region) -> Option<Request> {
    let Extent::Dynamic(dynamic) = &region.extent else { return None };
    let profile = layout.analysis.profile;
    let unit = if region.is_cma() { profile.cma_align() } else { profile.page.bytes() };
    Some(Request {
        size: align_up(dynamic.size, unit)?,
        align: dynamic.align.unwrap_or(unit).checked_next_power_of_two()?.max(unit),
        windows: dynamic.windows.clone(),
        prefer: Vec::new(),
        fallback: None,
        pool: region.is_cma(),
    })
}
