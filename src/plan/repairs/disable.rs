//! Disables a region that is of no use: its size is 0 or another one has its bytes, and nothing refers to it.

use super::Repair;
use crate::fdt::NodeId;
use crate::plan::changes::Changes;
use crate::plan::layout::Layout;
use crate::plan::place::Placed;
use crate::plan::{RepairKind, Repaired};
use alloc::format;
use alloc::vec::Vec;

pub(super) const REPAIR: Repair<NodeId> = Repair::safe("disable").requires(require).writes(write);

/// Leaves its bytes to the region that has them, too.
fn require(layout: &mut Layout<'_, '_, '_>, region: NodeId) {
    let index = layout.analysis.map.region_index(region);
    let slots = layout.slots().iter().zip(0..).filter(|(slot, _)| slot.region() == index && index.is_some());
    let mine: Vec<usize> = slots.map(|(_, at)| at).collect();
    layout.remove(&mine);
}

fn write(placed: &Placed<'_, '_, '_>, region: NodeId, changes: &mut Changes<'_, '_, '_>) {
    let analysis = placed.layout.analysis;
    let has_bytes = analysis.map.region(region).is_some_and(|region| !region.spans().is_empty());
    let why = if has_bytes { "another region has its bytes" } else { "its size is 0" };
    let path = analysis.tree.node(region).path();
    let line = Repaired::new(RepairKind::Disable(region), path, format!("disabled, for {why}"));
    changes.repair(alloc::vec![line], |edits| edits.set(region, "status", b"disabled\0".to_vec()));
}
