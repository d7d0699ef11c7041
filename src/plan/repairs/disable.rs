//! Disables a region of size 0 that nothing refers to.

use super::Repair;
use crate::fdt::NodeId;
use crate::plan::changes::Changes;
use crate::plan::place::Placed;
use crate::plan::{RepairKind, Repaired};

pub(super) const REPAIR: Repair<NodeId> = Repair::safe("disable").writes(write);

fn write(placed: &Placed<'_, '_, '_>, region: NodeId, changes: &mut Changes<'_, '_, '_>) {
    let path = placed.layout.analysis.tree.node(region).path();
    let line = Repaired::new(RepairKind::Disable(region), path, "disabled, for its size is 0");
    changes.repair(alloc::vec![line], |edits| edits.set(region, "status", b"disabled\0".to_vec()));
}
