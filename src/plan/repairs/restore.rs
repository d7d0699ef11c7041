//! Puts back a required carveout.

use super::Repair;
use crate::analysis::{Answer, reachable};
use crate::ledger;
use crate::plan::gather::Gathering;
use crate::plan::layout::{Layout, Origin, Slot, base_name};
use crate::plan::{RepairKind, Repaired};
use crate::policy::{Carveout, Requirement};
use crate::span::{Span, align_down};
use crate::survey::TupleIndex;
use alloc::format;

pub(super) const REPAIR: Repair<usize> =
    Repair::permitted_by("restore", "restore", |allow| allow.restore).gathers(enable).requires(restore);

/// Enables a region that is disabled; what else it lacks shows then.
fn enable(gathering: &mut Gathering<'_, '_, '_>, carveout: usize) {
    let answer = gathering.analysis.answer(carveout);
    let Some(region) = answer.and_then(|answer| answer.region).filter(|region| !region.enabled) else {
        return;
    };
    if gathering.wanted.has(RepairKind::Enable(region.node)) {
        return;
    }
    let kind = RepairKind::Restore(carveout);
    let line = Repaired::new(kind, region.path.as_str(), "enabled, as the policy requires");
    gathering.changes.repair(alloc::vec![line], |edits| edits.remove_prop(region.node, "status"));
}

/// Puts it where the policy has it, and pins it there.
fn restore(layout: &mut Layout<'_, '_, '_>, carveout: usize) {
    let analysis = layout.analysis;
    let Some(answer) = analysis.answer(carveout) else { return };
    let required = match answer.requirement {
        Requirement::Carveout(required) => required,
        Requirement::ProtectedRange(range) => return protect(layout, &answer, range.span),
    };
    if answer.region.is_some_and(|region| !region.enabled) {
        return;
    }
    let Some(span) = place_of(layout, &answer, required) else { return };
    let kind = RepairKind::Restore(carveout);
    let line = Repaired::new(kind, answer.path, format!("restored as the policy requires: {span}"));
    let region = answer.region.and_then(|region| Some((analysis.map.region_index(region.node)?, region)));
    layout.put(match region {
        Some((index, region)) => {
            let no_map = required.no_map || layout.unmaps(region);
            let pool = !no_map && region.is_cma();
            Slot::of(Origin::Region(index, TupleIndex::FIRST), span, no_map, pool, line)
        }
        None => Slot::new(name_of(answer.path), span, required.no_map, line),
    });
}

/// Keeps Linux off what no slot protects of a range.
fn protect(layout: &mut Layout<'_, '_, '_>, answer: &Answer<'_>, range: Span) {
    let page = layout.analysis.profile.page.bytes();
    // Slots are rounded outward later.
    let carveouts = layout.carveouts().into_iter().filter_map(|span| span.outward(page));
    for open in reachable(layout.analysis, range, &ledger::union(carveouts.collect())) {
        let kind = RepairKind::Restore(answer.index);
        let line = Repaired::new(kind, answer.path, format!("protected as the policy requires: {open}"));
        layout.put(Slot::new(name_of(answer.path), open, true, line));
    }
}

/// Returns where the policy has a carveout, in whole pages, and no smaller than it already is there.
fn place_of(layout: &mut Layout<'_, '_, '_>, answer: &Answer<'_>, required: &Carveout) -> Option<Span> {
    let page = layout.analysis.profile.page.bytes();
    let Some(base) = required.base.or(answer.span().map(Span::base)) else {
        layout.fail(answer.path, "is missing, and the policy does not say at which base to restore it");
        return None;
    };
    let end = base.checked_add(required.size);
    let span = end.and_then(|end| Span::from_ends(align_down(base, page), end));
    let standing = answer.span().filter(|_| answer.is_at(base));
    let both = |span: Span| match standing {
        Some(at) => Span::from_ends(span.base().min(at.base()), span.end().max(at.end())),
        None => Some(span),
    };
    let span = span.and_then(both).and_then(|span| span.outward(page));
    if span.is_none() {
        layout.fail(answer.path, "the policy gives it a size of 0, or an end beyond the address space");
    }
    span
}

fn name_of(path: &str) -> &str {
    base_name(path.rsplit('/').next().unwrap_or(path))
}
