//! Repairs that say where a carveout must lie: what the policy requires, and whole pages.

use super::RepairKind;
use super::draft::{Draft, Origin, Slot, base_name};
use crate::analysis::{Answer, reachable};
use crate::ledger::{self, Coverage};
use crate::rules::unreserved_release_pages;
use crate::span::{Span, align_down};
use crate::survey::Region;
use alloc::format;
use alloc::string::String;

/// Put every required carveout where the policy has it, and pin those that are right already, so that nothing
/// else makes them move.
pub(super) fn restore(draft: &mut Draft<'_, '_>) {
    for answer in draft.analysis.answers() {
        let (index, required) = (answer.index, answer.required);
        let kind = RepairKind::Restore(index);
        let standing = answer.region.and_then(|region| draft.region_of(region.node)).map(|(at, _)| at);
        if let Some(range) = required.span().filter(|_| required.is_range() && draft.wants(kind)) {
            protect(draft, kind, answer.path, range);
            continue;
        }
        if !draft.wants(kind) {
            let pinned = required.base.is_some();
            let slot =
                draft.slots.iter_mut().find(|s| standing.is_some_and(|at| s.origin == Origin::Region(at, 0)));
            if let Some(slot) = slot {
                slot.pinned = pinned;
            }
            continue;
        }
        let Some(span) = place_of(draft, &answer) else { continue };
        let no_map = required.no_map || answer.region.is_some_and(|region| draft.unmaps(region));
        let slot = Slot {
            origin: standing.map_or(Origin::New, |at| Origin::Region(at, 0)),
            base_name: name_of(answer.path),
            span,
            no_map,
            pinned: true,
            cma: !no_map && answer.region.is_some_and(Region::is_cma),
        };
        draft.repaired(kind, answer.path, format!("restored as the policy requires: {span}"));
        // What was gathered may be what is missing.
        let same = |s: &&mut Slot| match s.origin {
            Origin::Moved(_, tuple) => standing.is_none() && tuple == 0 && s.base_name == slot.base_name,
            origin => standing.is_some() && origin == slot.origin,
        };
        if let Some(moved) = draft.slots.iter_mut().find(same) {
            *moved = Slot { origin: moved.origin, ..slot };
            continue;
        }
        match draft.slots.iter_mut().find(|s| standing.is_some() && s.origin == slot.origin) {
            Some(standing) => *standing = slot,
            None => draft.slots.push(slot),
        }
    }
}

/// Keep Linux off what no slot protects of a range.
fn protect(draft: &mut Draft<'_, '_>, kind: RepairKind, path: &str, range: Span) {
    let page = draft.analysis.profile.page.bytes();
    // Slots are rounded outward later.
    let carveouts = draft.carveouts().into_iter().filter_map(|span| span.outward(page));
    for open in reachable(draft.analysis, range, &ledger::union(carveouts.collect())) {
        draft.repaired(kind, path, format!("protected as the policy requires: {open}"));
        draft.slots.push(Slot::new(&name_of(path), open, true));
    }
}

/// Reserve where processors wait for their release, as far as nothing else does.
pub(super) fn reserve_release_pages(draft: &mut Draft<'_, '_>) {
    let kind = RepairKind::ReserveRelease;
    if !draft.wants(kind) {
        return;
    }
    let standing = draft.slots.iter().filter(|slot| !slot.cma).map(|slot| slot.span).collect();
    for span in ledger::subtract(&unreserved_release_pages(draft.analysis), &ledger::union(standing)) {
        draft.repaired(kind, "/cpus", format!("reserved {span}, where processors wait"));
        draft.slots.push(Slot::new("cpu-release", span, false));
    }
}

/// Where the policy has a carveout, in whole pages, and no smaller than it already is there.
fn place_of(draft: &mut Draft<'_, '_>, answer: &Answer<'_>) -> Option<Span> {
    let page = draft.analysis.profile.page.bytes();
    let required = answer.required;
    let Some(base) = required.base.or(answer.span().map(Span::base)) else {
        draft.stuck(answer.path, "is missing, and the policy does not say at which base to restore it");
        return None;
    };
    let standing = answer.span().filter(|_| answer.is_at(base)).map_or(0, Span::end);
    let end = base.checked_add(required.size).map(|end| end.max(standing));
    let span = end.and_then(|end| Span::from_ends(align_down(base, page), end)?.outward(page));
    if span.is_none() {
        draft.stuck(answer.path, "the policy gives it a size of 0, or an end beyond the address space");
    }
    span
}

/// Round carveouts outward to whole pages where no other slot has the bytes.
pub(super) fn round_outward(draft: &mut Draft<'_, '_>) {
    let page = draft.analysis.profile.page.bytes();
    for at in 0..draft.slots.len() {
        let Some(slot) = draft.slots.get(at).cloned() else { continue };
        let Some(whole) = slot.span.outward(page).filter(|&whole| whole != slot.span) else { continue };
        let region = match slot.origin {
            Origin::Region(index, _) => draft.analysis.map.regions.get(index),
            Origin::Moved(..) | Origin::New => None,
        };
        let kind = region.map(|region| RepairKind::RoundOutward(region.node));
        // The base of mapped memory is one that its user counts from.
        let moves = !slot.no_map && whole.base() != slot.span.base();
        // RF207 and RF216 speak of regions as they are, and not of what they become.
        let fresh = region.is_some_and(|region| {
            let unmapped = !region.no_map && draft.unmaps(region);
            unmapped || !region.enabled || region.spans().is_empty()
        });
        if moves || (!fresh && kind.is_some_and(|kind| !draft.wants(kind))) {
            continue;
        }
        // Pools give way.
        let stays = |other: &Slot| !other.cma || other.pinned;
        let free = (0..).zip(&draft.slots).all(|(n, s)| n == at || !stays(s) || !s.span.overlaps(whole));
        let in_ram = draft.analysis.in_ram(whole) == draft.analysis.in_ram(slot.span);
        if !free || !(in_ram || draft.analysis.in_ram(whole) != Coverage::Part) {
            continue;
        }
        if let Some(slot) = draft.slots.get_mut(at) {
            slot.span = whole;
        }
        if let (Some(kind), Some(region)) = (kind, region) {
            draft.repaired(kind, &region.path, format!("rounded outward to {whole}"));
        }
    }
}

fn name_of(path: &str) -> String {
    base_name(path.rsplit('/').next().unwrap_or(path)).into()
}
