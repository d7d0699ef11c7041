//! Repairs that say where a carveout must lie: what the policy requires, and whole pages.

use super::draft::{Draft, Origin, Slot, base_name};
use crate::finding::RepairKind;
use crate::ledger::Coverage;
use crate::rules::required::answer;
use crate::span::Span;
use alloc::format;
use alloc::string::String;

/// Put every required carveout where the policy has it, and pin those that are right already, so that nothing
/// else makes them move.
pub(super) fn restore(draft: &mut Draft<'_, '_>) {
    let Some(policy) = draft.scene.policy else { return };
    for (index, required) in policy.carveouts.iter().enumerate() {
        let answer = answer(draft.scene.tree, draft.scene.map, index, required);
        let kind = RepairKind::Restore(index);
        let standing = answer.region.and_then(|region| draft.region_of(region.node)).map(|(at, _)| at);
        if !draft.wants(&kind) {
            let pinned = required.base.is_some();
            let slot =
                draft.slots.iter_mut().find(|s| standing.is_some_and(|at| s.origin == Origin::Region(at, 0)));
            if let Some(slot) = slot {
                slot.pinned = pinned;
            }
            continue;
        }
        let Some(base) = required.base.or(answer.span().map(Span::base)) else {
            draft.stuck(&answer.path, "is missing, and the policy does not say at which base to restore it");
            continue;
        };
        let size = match answer.span() {
            Some(span) if span.base() == base => span.len().max(required.size),
            _ => required.size,
        };
        let Some(span) = Span::new(base, size) else {
            draft.stuck(&answer.path, "the policy gives it a size of 0, or an end beyond the address space");
            continue;
        };
        let slot = Slot {
            origin: standing.map_or(Origin::New, |at| Origin::Region(at, 0)),
            base_name: name_of(&answer.path),
            span,
            no_map: required.no_map || answer.region.is_some_and(|region| region.no_map),
            pinned: true,
            cma: false,
        };
        draft.repaired(&kind, &answer.path, format!("restored as the policy requires: {span}"));
        match draft.slots.iter_mut().find(|s| standing.is_some() && s.origin == slot.origin) {
            Some(standing) => *standing = slot,
            None => draft.slots.push(slot),
        }
    }
}

/// Round carveouts outward to whole pages where no other slot has the bytes.
pub(super) fn round_outward(draft: &mut Draft<'_, '_>) {
    let page = draft.scene.profile.page.bytes();
    for at in 0..draft.slots.len() {
        let Some(slot) = draft.slots.get(at).cloned() else { continue };
        let Origin::Region(index, _) = slot.origin else { continue };
        let Some(region) = draft.scene.map.regions.get(index) else { continue };
        let kind = RepairKind::RoundOutward(region.node);
        let Some(whole) = slot.span.outward(page).filter(|&w| w != slot.span && draft.wants(&kind)) else {
            continue;
        };
        let free = draft.slots.iter().enumerate().all(|(other, s)| other == at || !s.span.overlaps(whole));
        let in_ram = draft.scene.in_ram(whole) == draft.scene.in_ram(slot.span);
        if free && (in_ram || draft.scene.in_ram(whole) != Coverage::Part) {
            if let Some(slot) = draft.slots.get_mut(at) {
                slot.span = whole;
            }
            draft.repaired(&kind, &region.path, format!("rounded outward to {whole}"));
        }
    }
}

fn name_of(path: &str) -> String {
    base_name(path.rsplit('/').next().unwrap_or(path)).into()
}
