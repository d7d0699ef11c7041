//! Drops the flags that contradict what else a region says.

use super::Repair;
use crate::fdt::NodeId;
use crate::plan::changes::Changes;
use crate::plan::place::Placed;
use crate::plan::{RepairKind, Repaired};
use crate::survey::Pool;

pub(super) const REPAIR: Repair<NodeId> =
    Repair::permitted_by("drop-flags", "drop-flags", |allow| allow.drop_flags).writes(write);

fn write(placed: &Placed<'_, '_, '_>, node: NodeId, changes: &mut Changes<'_, '_, '_>) {
    let Some(region) = placed.layout.analysis.map.region(node) else { return };
    let (flags, what): (&[&str], _) = match region.pool {
        Pool::Restricted => (
            &["reusable", "linux,cma-default", "linux,dma-default"],
            "dropped the flags that no restricted pool has",
        ),
        _ => (&["reusable"], "dropped `reusable`"),
    };
    let line = Repaired::new(RepairKind::DropFlags(node), region.path.as_str(), what);
    changes.repair(alloc::vec![line], |edits| flags.iter().for_each(|flag| edits.remove_prop(node, flag)));
}
