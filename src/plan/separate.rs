//! The third phase: no region overlaps another. When one grew, those after it move up.

use super::RepairKind;
use super::layout::Layout;
use super::no_fit::explain_no_fit;
use super::repairs::{keep_vacated, round_outward, shift};
use super::require::Required;
use crate::analysis::Analysis;
use crate::claims::Lifetime;
use crate::ledger::{self, Coverage, meeting};
use crate::order;
use crate::span::{KIB, Size, Span, align_up, kept_alignment};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The largest page of any arm64 kernel.
const LARGEST_PAGE: u64 = 64 * KIB;

/// The layout with every region that is not a pool at its final place.
pub(super) struct Separated<'s, 'c, 'a>(Layout<'s, 'c, 'a>);

impl<'s, 'c, 'a> Required<'s, 'c, 'a> {
    /// Moves what overlaps apart, and protects what belongs beside the result.
    pub(super) fn separate(self) -> Separated<'s, 'c, 'a> {
        let mut layout = self.into_layout();
        if layout.wanted.iter().any(|kind| matches!(kind, RepairKind::Shift(_))) {
            move_up(&mut layout);
        }
        keep_vacated::keep(&mut layout);
        for kind in layout.wanted.iter() {
            kind.separate(&mut layout);
        }
        // What has moved may have room now.
        round_outward::round(&mut layout);
        Separated(layout)
    }
}

impl<'s, 'c, 'a> Separated<'s, 'c, 'a> {
    /// Returns what the layout is about.
    pub(super) const fn analysis(&self) -> &'s Analysis<'c, 'a> {
        self.0.analysis
    }

    /// Returns a copy of the layout for an attempt at the next phase.
    pub(super) fn layout(&self) -> Layout<'s, 'c, 'a> {
        self.0.clone()
    }
}

/// Most regions without room for which the nearest place is searched: each costs a pass over all regions.
const MAX_EXPLAINED: usize = 16;

/// Moves regions up, in ascending order, until none overlaps the one below it. What the policy requires at an
/// address stays, and so does everything that the loader placed.
fn move_up(layout: &mut Layout<'_, '_, '_>) {
    let obstacles = Obstacles::of(layout);
    let page = layout.analysis.profile.page.bytes();
    let slots = layout.slots().iter().zip(0..).filter(|(slot, _)| !slot.is_pool());
    let mut order: Vec<_> = slots.map(|(slot, at)| (slot.span().base(), slot.span().end(), at)).collect();
    order::sort(&mut order);
    let (mut floor, mut below, mut explained) = (0, None, 0);
    for (_, _, at) in order {
        let Some(slot) = layout.slots().get(at) else { continue };
        if slot.is_pinned() {
            floor = floor.max(slot.span().end());
            continue;
        }
        let span = slot.span();
        let mine = slot.region().and_then(|index| Some((layout.analysis.map.region_at(index)?, span)));
        if let (Some(outer), Some(inner)) = (below, mine)
            && layout.analysis.is_nested(outer, inner)
        {
            continue;
        }
        // Where nothing keeps the alignment of the old base, whole pages of every kernel do.
        let align = kept_alignment(span.base(), page);
        let clear = [align, align.min(LARGEST_PAGE)].map(|align| obstacles.lift(layout, span, floor, align));
        let Some(clear) = clear.into_iter().flatten().next() else {
            let (name, floor) = (layout.name(slot), floor.max(span.base()));
            let elsewhere = if explained < MAX_EXPLAINED {
                let others = layout.slots().iter().zip(0..).filter(|(_, other)| *other != at);
                let taken = others.map(|(slot, _)| slot.span()).chain(obstacles.all.iter().copied());
                explain_no_fit(layout.analysis, taken.collect(), span.len(), align, None)
            } else {
                String::new()
            };
            explained += 1;
            layout.fail(&name, format!("no room of {} at or above {floor:#x}{elsewhere}", Size(span.len())));
            continue;
        };
        below = mine.filter(|_| clear == span);
        floor = floor.max(clear.end());
        if clear != span {
            shift::shift(layout, at, clear);
        }
    }
}

/// What regions must keep clear of: ascending, disjoint.
struct Obstacles {
    /// What the policy pins and what the loader placed for good: a region over one of these must move.
    firm: Vec<Span>,
    /// The same with what is gone when the kernel runs, and what a region may be there to protect: no reason
    /// to move, but a region that moves does not go there.
    all: Vec<Span>,
}

impl Obstacles {
    fn of(layout: &Layout<'_, '_, '_>) -> Self {
        let mut firm: Vec<Span> =
            layout.slots().iter().filter(|slot| slot.is_pinned()).map(|slot| slot.span()).collect();
        let mut all = firm.clone();
        for claim in layout.analysis.obstacles() {
            all.push(claim.span);
            if matches!(claim.kind.lifetime(), Lifetime::Reserved | Lifetime::Boot) {
                firm.push(claim.span);
            }
        }
        Self { firm: ledger::union(firm), all: ledger::union(all) }
    }

    /// Returns where the span may stay, or the lowest place at or above `floor` that is clear and, for what
    /// was in RAM, in RAM. Each turn passes one obstacle or one bank, so the search ends.
    fn lift(&self, layout: &Layout<'_, '_, '_>, span: Span, floor: u64, align: u64) -> Option<Span> {
        if span.base() >= floor && meeting(&self.firm, span).is_empty() {
            return Some(span);
        }
        let in_ram = layout.analysis.in_ram(span) == Coverage::All;
        let banks = layout.analysis.map.ram.spans();
        let mut here = span.at(align_up(span.base().max(floor), align)?)?;
        loop {
            let beyond = if let Some(obstacle) = meeting(&self.all, here).first() {
                obstacle.end()
            } else if in_ram && layout.analysis.in_ram(here) != Coverage::All {
                banks.iter().map(|bank| bank.base()).find(|&base| base > here.base())?
            } else {
                return Some(here);
            };
            here = here.at(align_up(beyond, align)?)?;
        }
    }
}
