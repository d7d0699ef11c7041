//! Finding places for pools and dynamic regions.

use super::RepairKind;
use super::cma;
use super::draft::{Draft, Origin, Request, RequestKind, Slot, base_name};
use super::no_fit::explain_no_fit;
use crate::ledger::{Direction, meeting};
use crate::span::{GIB, Size, Span, align_up};
use crate::survey::{Extent, Region};
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

/// More windows than any region has, and more regions without a place than any board: each costs a pass over what is
/// taken.
const MAX_WINDOWS: usize = 64;
const MAX_REQUESTS: usize = 1024;

/// Place every pool and dynamic region that needs it: static pools first, since they have a place to keep to,
/// then dynamic regions in tree order as kernels from 6.12.13 on allocate them, then the default CMA pool.
pub(super) fn place_pools(draft: &mut Draft<'_, '_>) {
    let mut requests = static_pools(draft);
    requests.extend(dynamic_regions(draft));
    if requests.len() > MAX_REQUESTS {
        draft.stuck("/reserved-memory", "more regions look for a place than can be placed in one go");
        return;
    }
    for request in requests {
        if let Some(request) = cma::constrain(draft, request) {
            place(draft, &request);
        }
    }
    // Only now: how far up `cma=` may reach depends on what the others have taken.
    if let Some(request) = cma::request(draft) {
        place(draft, &request);
    }
}

fn place(draft: &mut Draft<'_, '_>, request: &Request) {
    if let Some(span) = find(draft, request) {
        settle(draft, request, span);
        return;
    }
    let node = node_name(draft, request.what);
    let others = if request.windows.len() > 1 { " or the others" } else { "" };
    let window = request.windows.first().map_or_else(|| "RAM".into(), |window| format!("{window}{others}"));
    let hull = request.windows.first().and_then(|first| {
        let ends = request.windows.iter().map(|window| (window.base(), window.end()));
        let (base, end) =
            ends.fold((first.base(), first.end()), |(b, e), (base, end)| (b.min(base), e.max(end)));
        Span::from_ends(base, end)
    });
    let elsewhere = explain_no_fit(draft, draft.settled(), request.size, request.align, hull);
    let (size, align) = (Size(request.size), Size(request.align));
    draft.stuck(&node, format!("no free window of {size} aligned to {align} in {window}{elsewhere}"));
}

fn static_pools(draft: &Draft<'_, '_>) -> Vec<Request> {
    let align = draft.analysis.profile.cma_align();
    let request = |&(index, tuple, span): &(usize, usize, Span)| {
        Some(Request {
            what: RequestKind::Region(index, tuple),
            size: align_up(span.len(), align)?,
            align,
            windows: Vec::new(),
            prefer: [Some(span).filter(|s| s.is_aligned(align)), span.outward(align)]
                .into_iter()
                .flatten()
                .collect(),
            cma: true,
        })
    };
    draft.displaced.iter().filter_map(request).collect()
}

fn dynamic_regions(draft: &Draft<'_, '_>) -> Vec<Request> {
    let mut requests = Vec::new();
    for (index, region) in draft.analysis.map.regions.iter().enumerate() {
        let pinned = region.enabled && draft.wants(RepairKind::Pin(region.node));
        if pinned && draft.slot_of(index).is_none() {
            requests.extend(dynamic_request(draft, RequestKind::Region(index, 0), region));
        }
    }
    for (index, region) in draft.gathered.dynamic.iter().enumerate() {
        requests.extend(dynamic_request(draft, RequestKind::Moved(index), region));
    }
    requests
}

#[inline(never)]
fn dynamic_request(draft: &Draft<'_, '_>, what: RequestKind, region: &Region) -> Option<Request> {
    let Extent::Dynamic(dynamic) = &region.extent else { return None };
    let profile = draft.analysis.profile;
    let unit = if region.is_cma() { profile.cma_align() } else { profile.page.bytes() };
    let align = dynamic.align.unwrap_or(unit).checked_next_power_of_two()?.max(unit);
    Some(Request {
        what,
        size: align_up(dynamic.size, unit)?,
        align,
        windows: dynamic.windows.clone(),
        prefer: Vec::new(),
        cma: region.is_cma(),
    })
}

/// Search as memblock does: the first window that fits wins, and in it the highest address. Without windows,
/// memory below 4 GiB comes first, so that a device with 32 address bits reaches the pool.
pub(super) fn find(draft: &Draft<'_, '_>, request: &Request) -> Option<Span> {
    if let Some(&kept) = request.prefer.iter().find(|&&span| draft.is_free(span, request.cma)) {
        return Some(kept);
    }
    let low = Span::from_ends(0, 4 * GIB)?;
    let high = Span::from_ends(4 * GIB, u64::MAX)?;
    let windows = if request.windows.is_empty() { vec![low, high] } else { request.windows.clone() };
    let banks = draft.analysis.map.usable.spans();
    for window in windows.into_iter().take(MAX_WINDOWS) {
        let sides: &[Span] = if request.cma { &[high, low] } else { &[window] };
        let pieces = sides.iter().filter_map(|side| side.intersection(window)).flat_map(|piece| {
            meeting(banks, piece).iter().rev().filter_map(move |bank| bank.intersection(piece))
        });
        for piece in pieces {
            let found = draft.taken.find(piece, request.size, request.align, Direction::TopDown);
            if found.is_some() {
                return found;
            }
        }
    }
    None
}

fn settle(draft: &mut Draft<'_, '_>, request: &Request, span: Span) {
    draft.take(span);
    draft.placed.push((request.what, span));
    let Some(region) = draft.region_for(request.what).cloned() else { return };
    let (origin, no_map) = match request.what {
        RequestKind::Region(index, tuple) => (Origin::Region(index, tuple), draft.unmaps(&region)),
        _ => (Origin::Moved(region.node, 0), draft.unmaps_moved(&region)),
    };
    draft.slots.push(Slot {
        origin,
        base_name: base_name(&region.name).into(),
        span,
        no_map,
        pinned: true,
        cma: request.cma,
    });
    let (kind, what) = match region.spans() {
        [] => (RepairKind::Pin(region.node), format!("pinned at {span}")),
        _ => (RepairKind::AlignPool(region.node), format!("pool placed at {span}")),
    };
    draft.repaired(kind, &region.path, what);
}

fn node_name(draft: &Draft<'_, '_>, what: RequestKind) -> alloc::string::String {
    match what {
        RequestKind::CmaArg | RequestKind::CmaNode => "default CMA pool".into(),
        RequestKind::Log => "log".into(),
        _ => draft.region_for(what).map_or_else(Default::default, |region| region.path.clone()),
    }
}
