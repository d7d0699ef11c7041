//! Writes the one tuple of a region in the cells that hold.

use super::Repair;
use crate::fdt::NodeId;
use crate::plan::gather::Gathering;
use crate::plan::{RepairKind, Repaired};
use alloc::format;

pub(super) const REPAIR: Repair<NodeId> = Repair::safe("rewrite-reg").gathers(gather);

fn gather(gathering: &mut Gathering<'_, '_, '_>, node: NodeId) {
    let analysis = gathering.analysis;
    let Some(region) = analysis.map.region(node) else { return };
    let Some(span) = region.decode_by_unit_address(analysis.tree.node(node), analysis.map.region_cells())
    else {
        return;
    };
    let Some(reg) = gathering.new_cells().encode_span(span) else {
        return gathering.changes.fail(&region.path, format!("{span} does not fit the root's cells"));
    };
    let kind = RepairKind::RewriteReg(node);
    let line = Repaired::new(kind, region.path.as_str(), "`reg` rewritten in the cells that hold");
    gathering.changes.repair(alloc::vec![line], |edits| edits.set(node, "reg", reg));
}
