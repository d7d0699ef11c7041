//! What is asked of the place of the default CMA pool.

use super::Placed;
use super::space::{Request, Space};
use crate::bootargs::CmaArg;
use crate::early;
use crate::plan::RepairKind;
use crate::plan::layout::{Layout, Slot};
use crate::policy::CmaWant;
pub(super) use crate::policy::Via;
use crate::span::{Span, align_up};
use crate::survey::{Region, TupleIndex};
use alloc::vec;
use alloc::vec::Vec;

/// Where the default CMA pool is to be, if it needs a place.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DefaultPool {
    /// What `cma=` is to ask for.
    pub(super) arg: Option<Span>,
    /// The pool that needs a node of its own.
    pub(super) node: Option<Span>,
}

/// Keeps off the place that `cma=` asks for, when it is to stay there: what is yet to be placed must not take
/// it.
pub(super) fn keep_fixed(layout: &Layout<'_, '_, '_>, space: &mut Space<'_, '_, '_>) {
    let fixed = layout.analysis.cma_arg().and_then(|arg| arg.fixed());
    if let Some(span) = fixed.filter(|_| !layout.wanted.has(RepairKind::SettleCma)) {
        space.take(span);
    }
}

/// Asks for a place for the default pool, when the findings want it settled and it needs one. `unplaced`
/// bytes of the boot's own things are placed after it.
pub(super) fn request(
    layout: &Layout<'_, '_, '_>,
    space: &Space<'_, '_, '_>,
    unplaced: u64,
) -> Option<(Via, Request)> {
    if !layout.wanted.has(RepairKind::SettleCma) {
        return None;
    }
    let arg = layout.analysis.cma_arg();
    let on_the_line = |size, align, range: Option<Span>, kept: Option<Span>| {
        let below = |end| {
            let window = Span::from_ends(0, end)?;
            range.map_or(Some(window), |range| range.intersection(window))
        };
        let dma_limit = layout.analysis.dma_limit();
        let window = below(ceiling(layout, space, unplaced).min(dma_limit))?;
        let request = pool_request(layout, size, align, vec![window])?;
        let unit = layout.analysis.profile.cma_align();
        let stays_in = |window: Span| {
            kept.filter(|kept| {
                kept.len() >= request.size
                    && kept.len().is_multiple_of(unit)
                    && kept.base().is_multiple_of(request.align)
                    && window.covers(*kept)
            })
        };
        // If all that is against its place is what the kernel may use by then, it stays there rather than
        // stop the boot.
        let (prefer, fallback) = (stays_in(window), stays_in(below(dma_limit)?));
        Some((Via::Bootargs, Request { prefer: prefer.into_iter().collect(), fallback, ..request }))
    };
    let Some(want) = layout.analysis.policy.and_then(|policy| policy.cma) else {
        return on_the_line(arg?.size, 1, None, Some(arg?.fixed()?));
    };
    let align = want.align.unwrap_or(1);
    match want.via {
        Via::Bootargs => {
            let kept = arg.filter(|arg| arg.size >= want.size).and_then(|arg: CmaArg| arg.fixed());
            on_the_line(kept.map_or(want.size, Span::len), align, want.range, kept)
        }
        // A pool that is there is placed with the others, by what [`constrained`] adds.
        Via::Node if layout.analysis.default_pool().is_some() => None,
        Via::Node => {
            let windows = want.range.into_iter().collect();
            Some((Via::Node, pool_request(layout, want.size, align, windows)?))
        }
    }
}

/// Returns a request for a pool.
fn pool_request(layout: &Layout<'_, '_, '_>, size: u64, align: u64, windows: Vec<Span>) -> Option<Request> {
    let unit = layout.analysis.profile.cma_align();
    let align = align.checked_next_power_of_two()?.max(unit);
    let size = align_up(size, unit)?;
    Some(Request { size, align, windows, prefer: Vec::new(), fallback: None, pool: true })
}

/// Returns below which address the kernel can still reserve what `cma=` asks for: what is above, it may have
/// taken itself by then. Kernels up to 6.12 also refuse it beyond the reach of devices.
fn ceiling(layout: &Layout<'_, '_, '_>, space: &Space<'_, '_, '_>, unplaced: u64) -> u64 {
    early::ceiling(layout.analysis.map.usable.spans(), space.spans().into_iter(), unplaced)
}

/// Returns whether what is placed by now makes a warning of where `cma=` is (RF501), of which no finding
/// spoke: the kernel comes down to it by what regions and the boot have taken above.
pub(super) fn is_reached(placed: &Placed<'_, '_, '_>) -> bool {
    let layout = &placed.layout;
    let analysis = layout.analysis;
    let settles = layout.wanted.has(RepairKind::SettleCma);
    let Some(arg) = analysis.cma_arg().and_then(|arg| arg.fixed()).filter(|_| !settles) else { return false };
    let boot = [placed.placement.kernel, placed.placement.initrd, placed.placement.dtb, placed.log];
    let taken = layout.slots().iter().map(Slot::span).chain(analysis.obstacles().map(|claim| claim.span));
    let taken = taken.chain(boot.into_iter().chain([placed.sentinel]).flatten());
    let unplaced = analysis.map.enabled().filter(|region| region.dynamic_size() > 0);
    let unplaced = unplaced.filter(|region| layout.slot_of(region.node).is_none());
    let unplaced = unplaced.map(Region::dynamic_size).fold(0, u64::saturating_add);
    arg.end() > early::ceiling(analysis.map.usable.spans(), taken, unplaced)
}

/// Returns what the policy wants of the default pool, when `region` is that pool.
fn wanted_of(layout: &Layout<'_, '_, '_>, region: &Region) -> Option<CmaWant> {
    let want = layout.analysis.policy?.cma.filter(|want| want.via == Via::Node)?;
    layout.analysis.default_pool().filter(|pool| pool.node == region.node).map(|_| want)
}

/// Returns whether `region` is the default pool, and `span` is not what the policy wants of it.
pub(super) fn is_displeasing(layout: &Layout<'_, '_, '_>, region: &Region, span: Span) -> bool {
    layout.wanted.has(RepairKind::SettleCma)
        && wanted_of(layout, region).is_some_and(|want| !satisfies(span, &want))
}

/// Adds what the policy wants of the default pool to the request for a region's tuple, if it is that pool.
pub(super) fn constrained(
    layout: &Layout<'_, '_, '_>,
    mut request: Request,
    region: &Region,
    tuple: TupleIndex,
) -> Option<Request> {
    let Some(want) = wanted_of(layout, region).filter(|_| tuple == TupleIndex::FIRST) else {
        return Some(request);
    };
    let unit = layout.analysis.profile.cma_align();
    request.size = request.size.max(align_up(want.size, unit)?);
    request.align = request.align.max(want.align.unwrap_or(1).checked_next_power_of_two()?);
    request.prefer.retain(|&span| satisfies(span, &want));
    if let Some(range) = want.range {
        request.windows = request.windows.iter().filter_map(|window| window.intersection(range)).collect();
        // Where no window of its own meets the policy's range, the policy counts.
        if request.windows.is_empty() {
            request.windows.push(range);
        }
    }
    Some(request)
}

fn satisfies(span: Span, want: &CmaWant) -> bool {
    span.len() >= want.size
        && span.base().is_multiple_of(want.align.unwrap_or(1).max(1))
        && want.range.is_none_or(|range| range.covers(span))
}
