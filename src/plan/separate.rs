//! Separating overlaps: when a region grew, those behind it move up.

use super::RepairKind;
use super::Repaired;
use super::draft::{Draft, Origin, Slot};
use super::no_fit::explain_no_fit;
use crate::analysis::{GUARD, guards};
use crate::claims::Lifetime;
use crate::ledger::{Coverage, Ledger};
use crate::span::{Size, Span, align_up};
use alloc::format;
use alloc::vec::Vec;

/// Move regions up, in ascending order, until none overlaps the one below it. What the policy requires at an
/// address stays, and so does everything that the loader placed. Nothing moves without the policy's word.
pub(super) fn separate(draft: &mut Draft<'_, '_>) {
    if !draft.wanted.iter().any(|kind| matches!(kind, RepairKind::Shift(_))) {
        return;
    }
    let obstacles = Obstacles::of(draft);
    let page = draft.analysis.profile.page.bytes();
    let mut order: Vec<usize> = (0..draft.slots.len()).collect();
    order.retain(|&at| draft.slots.get(at).is_some_and(|slot| !slot.cma));
    crate::order::sort_by_key(&mut order, |&at| {
        (draft.slots.get(at).map(|slot| (slot.span.base(), slot.span.end())), at)
    });
    let mut floor = 0;
    for at in order {
        let Some(slot) = draft.slots.get(at).cloned() else { continue };
        if slot.pinned {
            floor = floor.max(slot.span.end());
            continue;
        }
        let Some(span) = obstacles.lift(draft, slot.span, floor, page) else {
            let others = draft.slots.iter().enumerate().filter(|(other, _)| *other != at);
            let taken = others.map(|(_, slot)| slot.span).chain(obstacles.all.iter().map(|(span, ())| *span));
            let elsewhere = explain_no_fit(draft, taken.collect(), slot.span.len(), page, None);
            let floor = floor.max(slot.span.base());
            let what = format!("no room of {} at or above {floor:#x}{elsewhere}", Size(slot.span.len()));
            draft.stuck(&slot.base_name, what);
            continue;
        };
        floor = floor.max(span.end());
        if span != slot.span {
            move_slot(draft, at, &slot, span);
        }
    }
}

/// What regions must keep clear of.
struct Obstacles {
    /// What the policy pins and what the loader placed for good: a region over one of these must move.
    firm: Ledger<()>,
    /// The same with the stage and the bundle, which are gone when the kernel runs, and what a region may be there to
    /// protect: no reason to move, but a region that moves does not go there.
    all: Ledger<()>,
}

impl Obstacles {
    fn of(draft: &Draft<'_, '_>) -> Self {
        let mut obstacles = Self { firm: Ledger::default(), all: Ledger::default() };
        let pinned = draft.slots.iter().filter(|slot| slot.pinned).map(|slot| (slot.span, true));
        let boot = draft.analysis.obstacles().map(|claim| {
            let firm = matches!(claim.kind.lifetime(), Lifetime::Reserved | Lifetime::Boot);
            (claim.span, firm)
        });
        for (span, firm) in pinned.chain(boot) {
            // Of two that overlap, the first already blocks the place; the judgement afterwards names both.
            let _ = obstacles.all.claim(span, ());
            if firm {
                let _ = obstacles.firm.claim(span, ());
            }
        }
        obstacles
    }

    /// Where the span may stay, or the lowest place at or above `floor` that is clear and, for what was in RAM,
    /// in RAM. Each turn passes one obstacle or one bank, so the search ends.
    fn lift(&self, draft: &Draft<'_, '_>, span: Span, floor: u64, page: u64) -> Option<Span> {
        if span.base() >= floor && self.firm.conflict(span).is_none() {
            return Some(span);
        }
        let in_ram = draft.analysis.in_ram(span) == Coverage::All;
        let banks = draft.analysis.map.ram.spans();
        let mut here = span.at(align_up(span.base().max(floor), page)?)?;
        loop {
            let beyond = if let Some((obstacle, ())) = self.all.conflict(here) {
                obstacle.end()
            } else if in_ram && draft.analysis.in_ram(here) != Coverage::All {
                banks.iter().map(|bank| bank.base()).find(|&base| base > here.base())?
            } else {
                return Some(here);
            };
            here = here.at(align_up(beyond, page)?)?;
        }
    }
}

fn move_slot(draft: &mut Draft<'_, '_>, at: usize, slot: &Slot, span: Span) {
    if let Some(slot) = draft.slots.get_mut(at) {
        slot.span = span;
    }
    let region = match slot.origin {
        Origin::Region(index, _) => draft.analysis.map.regions.get(index),
        Origin::Moved(..) | Origin::New => None,
    };
    if let Some(region) = region {
        let what = format!("shifted from {:#x} to {span}", slot.span.base());
        draft.repaired(RepairKind::Shift(region.node), &region.path, what);
    }
}

/// Keep protecting what a moved carveout left behind and nothing else covers: no repair ever gives protected
/// memory to Linux.
pub(super) fn guard_what_was_vacated(draft: &mut Draft<'_, '_>) {
    for span in draft.unprotected() {
        draft.repairs.push(Repaired {
            node: "/reserved-memory".into(),
            kind: "guard",
            what: format!("{span} stays protected, though its region has left it"),
        });
        draft.slots.push(Slot::new(GUARD, span, true));
    }
}

/// Keep Linux off what lies beside the carveouts that the policy wants guarded.
pub(super) fn guard_what_is_required(draft: &mut Draft<'_, '_>) {
    for answer in draft.analysis.answers() {
        let kind = RepairKind::Guard(answer.index);
        if !draft.wants(kind) {
            continue;
        }
        let standing = answer.region.and_then(|region| draft.region_of(region.node));
        let standing = standing.and_then(|(at, _)| Some(draft.slot_of(at)?.span));
        for span in guards(draft.analysis, &answer, standing, &draft.carveouts()) {
            draft.repaired(kind, answer.path, format!("its guard {span} is kept from Linux"));
            draft.slots.push(Slot::new(GUARD, span, true));
        }
    }
}
