//! Removes the `status` for which Linux passes over a region.

use super::Repair;
use crate::fdt::NodeId;
use crate::plan::gather::Gathering;
use crate::plan::{RepairKind, Repaired};

pub(super) const REPAIR: Repair<NodeId> =
    Repair::permitted_by("enable", "enable", |allow| allow.enable).gathers(gather);

fn gather(gathering: &mut Gathering<'_, '_, '_>, region: NodeId) {
    let line =
        Repaired::new(RepairKind::Enable(region), gathering.analysis.tree.node(region).path(), "enabled");
    gathering.changes.repair(alloc::vec![line], |edits| edits.remove_prop(region, "status"));
}
