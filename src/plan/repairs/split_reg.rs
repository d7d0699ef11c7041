//! Gives each further `reg` tuple a node of its own.

use super::Repair;
use crate::fdt::{NewNode, NodeId};
use crate::plan::gather::Gathering;
use crate::plan::layout::base_name;
use crate::plan::{RepairKind, Repaired};
use alloc::format;
use alloc::vec::Vec;

pub(super) const REPAIR: Repair<NodeId> = Repair::safe("split-reg").gathers(gather);

/// What must stay on the first tuple's node, since it is unique.
const UNIQUE: [&str; 5] = ["reg", "phandle", "linux,phandle", "linux,cma-default", "linux,dma-default"];

fn gather(gathering: &mut Gathering<'_, '_, '_>, node: NodeId) {
    let analysis = gathering.analysis;
    let Some(region) = analysis.map.region(node) else { return };
    let cells = analysis.map.region_cells();
    let tuples = region.spans().iter().map(|&span| Some((span, cells.encode_span(span)?)));
    let Some(tuples) = tuples.collect::<Option<Vec<_>>>() else { return };
    let [(_, first), further @ ..] = tuples.as_slice() else { return };
    let what = "each further `reg` tuple has a node of its own";
    let line = Repaired::new(RepairKind::SplitReg(node), region.path.as_str(), what);
    gathering.changes.repair(alloc::vec![line], |edits| {
        edits.set(node, "reg", first.clone());
        for ((span, reg), nth) in further.iter().zip(1..) {
            let name = format!("{}-{nth}@{:x}", base_name(&region.name), span.base());
            let copy = NewNode::copy_of(analysis.tree.node(node), &name, &UNIQUE);
            edits
                .add_region_after(node, NewNode { children: Vec::new(), ..copy }.prop("reg", reg.as_slice()));
        }
    });
}
