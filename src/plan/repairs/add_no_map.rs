//! Adds `no-map` to a region that is of no use while Linux maps it.

use super::Repair;
use crate::fdt::NodeId;
use crate::plan::changes::Changes;
use crate::plan::place::Placed;
use crate::plan::{RepairKind, Repaired};
use crate::rules::is_near;
use alloc::vec::Vec;

pub(super) const REPAIR: Repair<NodeId> = Repair::safe("add-no-map").writes(write);

/// Where the flag is there but misspelled, this replaces it.
fn write(placed: &Placed<'_, '_, '_>, region: NodeId, changes: &mut Changes<'_, '_, '_>) {
    let node = placed.layout.analysis.tree.node(region);
    let line = Repaired::new(RepairKind::AddNoMap(region), node.path(), "added `no-map`");
    changes.repair(alloc::vec![line], |edits| {
        edits.set(region, "no-map", Vec::new());
        for prop in node.props().filter(|prop| prop.value.is_empty() && is_near(prop.name, "no-map")) {
            edits.remove_prop(region, prop.name);
        }
    });
}
