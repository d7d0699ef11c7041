//! Rounds a region outward to whole pages.

use super::Repair;
use crate::fdt::NodeId;
use crate::ledger::Coverage;
use crate::plan::layout::Layout;
use crate::plan::{RepairKind, Repaired};
use crate::span::Span;
use alloc::format;

pub(super) const REPAIR: Repair<NodeId> = Repair::safe("round-outward");

/// Rounds every slot that is to cover whole pages, where no other slot has the bytes.
pub(in crate::plan) fn round(layout: &mut Layout<'_, '_, '_>) {
    let page = layout.analysis.profile.page.bytes();
    for at in 0..layout.slots().len() {
        let Some(slot) = layout.slots().get(at) else { continue };
        let Some(whole) = slot.span().outward(page).filter(|&whole| whole != slot.span()) else { continue };
        // The base of mapped memory is one that its user counts from.
        let moves = !slot.is_no_map() && whole.base() != slot.span().base();
        if moves {
            continue;
        }
        let line = match slot.region().and_then(|index| layout.analysis.map.region_at(index)) {
            Some(region) => {
                let kind = RepairKind::RoundOutward(region.node);
                // RF207 and RF216 are about regions as they are and where they are, and not about what they
                // become.
                let is_in_ram = |span| layout.analysis.in_ram(span) != Coverage::None;
                let entered_ram = is_in_ram(slot.span()) && !region.spans().iter().copied().any(is_in_ram);
                let fresh =
                    layout.unmaps(region) != region.no_map || region.spans().is_empty() || entered_ram;
                if !fresh && !layout.wanted.has(kind) {
                    continue;
                }
                Some(Repaired::new(kind, region.path.as_str(), format!("rounded outward to {whole}")))
            }
            None => None,
        };
        if has_room(layout, at, slot.span(), whole)
            && let Some(slot) = layout.slot_mut(at)
        {
            slot.move_to(whole, line);
        }
    }
}

/// Checks that nothing else that stays has the bytes, and that as much is in RAM as before. Pools give way.
fn has_room(layout: &Layout<'_, '_, '_>, at: usize, span: Span, whole: Span) -> bool {
    let free = (0..).zip(layout.slots()).all(|(n, s)| n == at || !s.stays() || !s.span().overlaps(whole));
    let in_ram = layout.analysis.in_ram(whole);
    free && (in_ram == layout.analysis.in_ram(span) || in_ram != Coverage::Part)
}
