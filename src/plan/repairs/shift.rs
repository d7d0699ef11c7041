//! Moves the later of two overlapping regions, and what follows it, upward.

use super::Repair;
use crate::fdt::NodeId;
use crate::plan::layout::Layout;
use crate::plan::{RepairKind, Repaired};
use crate::span::Span;
use alloc::format;

pub(super) const REPAIR: Repair<NodeId> = Repair::permitted_by("shift", "shift", |allow| allow.shift);

/// Moves one slot.
pub(in crate::plan) fn shift(layout: &mut Layout<'_, '_, '_>, at: usize, to: Span) {
    let Some(slot) = layout.slots().get(at) else { return };
    let region = slot.region().and_then(|index| layout.analysis.map.region_at(index));
    let line = region.map(|region| {
        let what = format!("shifted from {:#x} to {to}", slot.span().base());
        Repaired::new(RepairKind::Shift(region.node), region.path.as_str(), what)
    });
    if let Some(slot) = layout.slot_mut(at) {
        slot.move_to(to, line);
    }
}
