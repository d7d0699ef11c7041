//! Drops the `size` that means nothing beside `reg`.

use super::Repair;
use crate::fdt::NodeId;
use crate::plan::changes::Changes;
use crate::plan::place::Placed;
use crate::plan::{RepairKind, Repaired};

pub(super) const REPAIR: Repair<NodeId> = Repair::safe("drop-size").writes(write);

fn write(placed: &Placed<'_, '_, '_>, region: NodeId, changes: &mut Changes<'_, '_, '_>) {
    let path = placed.layout.analysis.tree.node(region).path();
    let line = Repaired::new(RepairKind::DropSize(region), path, "dropped `size`");
    changes.repair(alloc::vec![line], |edits| edits.remove_prop(region, "size"));
}
