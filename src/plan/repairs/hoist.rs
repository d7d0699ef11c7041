//! Moves a region that is nested too deep up to where Linux reads it.

use super::Repair;
use crate::fdt::NodeId;
use crate::plan::RepairKind;
use crate::plan::gather::Gathering;

pub(super) const REPAIR: Repair<NodeId> = Repair::safe("hoist").gathers(gather);

fn gather(gathering: &mut Gathering<'_, '_, '_>, nested: NodeId) {
    if holds_another(gathering, nested) {
        return;
    }
    let node = gathering.analysis.tree.node(nested);
    let above = node.parent().unwrap_or(node);
    gathering.bring(RepairKind::Hoist(nested), node, above, gathering.analysis.map.region_cells(), &[node]);
}

/// Checks whether a node holds another that is to come up: then it cannot leave with all that is in it before
/// that has left. Nodes are numbered from the top, so the next in order would be it.
fn holds_another(gathering: &Gathering<'_, '_, '_>, id: NodeId) -> bool {
    let next = gathering.wanted.after(RepairKind::Hoist(id)).and_then(|kind| match kind {
        RepairKind::Hoist(other) => Some(gathering.analysis.tree.node(other)),
        _ => None,
    });
    let above = core::iter::successors(next, |node| node.parent());
    above.skip(1).any(|node| node.id() == id)
}
