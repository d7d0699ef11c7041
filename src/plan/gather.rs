//! The first phase: every region that is to count is where Linux reads it, and readable.
//!
//! No rule judges what Linux passes over: a region in a second `/reserved-memory`, one with a `status`, one
//! in other cells. So the tree is written anew with these in place, and judged again, before anything else is
//! planned.

use super::changes::{Changed, Changes};
use super::reencode::{PLACE, reencoded};
use super::wanted::Wanted;
use super::{RepairKind, Repaired};
use crate::analysis::Analysis;
use crate::fdt::{NewNode, Node, NodeId};
use crate::survey::{Cells, Extent, Region};
use alloc::vec::Vec;

/// One pass over what is out of place.
pub(super) struct Gathering<'s, 'c, 'a> {
    pub(super) analysis: &'s Analysis<'c, 'a>,
    pub(super) wanted: &'s Wanted,
    pub(super) changes: Changes<'s, 'c, 'a>,
}

/// Makes every repair that brings regions to where they are read.
pub(super) fn gather(analysis: &Analysis<'_, '_>, wanted: &Wanted) -> Changed {
    let mut gathering = Gathering { analysis, wanted, changes: Changes::new(analysis) };
    // What is to be written in other cells is, before anything else is written in those.
    let cells = wanted.has(RepairKind::RewriteCells);
    for kind in wanted.iter() {
        if !cells || matches!(kind, RepairKind::RewriteCells | RepairKind::RewriteReg(_)) {
            kind.gather(&mut gathering);
        }
    }
    gathering.changes.finish()
}

impl<'s, 'a> Gathering<'s, '_, 'a> {
    /// Returns the cells in which the children of `/reserved-memory` will be written.
    pub(super) fn new_cells(&self) -> Cells {
        let map = &self.analysis.map;
        if self.wanted.has(RepairKind::RewriteCells) { map.cells } else { map.region_cells() }
    }

    /// Moves every child of `parent` into `/reserved-memory` and removes `parent`.
    pub(super) fn bring_children(&mut self, kind: RepairKind, parent: NodeId) {
        let parent = self.analysis.tree.node(parent);
        let regions: Vec<_> = parent.children().collect();
        self.bring(kind, parent, parent, self.analysis.map.cells, &regions);
    }

    /// Moves `regions` into `/reserved-memory` and removes the node that goes with them. They are written in
    /// the cells of `above`, by default in `cells`. One that cannot be moved as it was meant leaves all where
    /// they are: the finding remains.
    pub(super) fn bring(
        &mut self,
        kind: RepairKind,
        goes: Node<'s, 'a>,
        above: Node<'s, 'a>,
        cells: Cells,
        regions: &[Node<'s, 'a>],
    ) {
        let (address, size) = Cells::declared(above);
        let from = Cells { address: address.unwrap_or(cells.address), size: size.unwrap_or(cells.size) };
        let to = self.new_cells();
        let copies = regions.iter().map(|&node| Some((node.id(), copy(node, from, to)?)));
        let Some(copies) = copies.collect::<Option<Vec<(NodeId, NewNode)>>>() else { return };
        let line = Repaired::new(kind, goes.path(), "moved into /reserved-memory");
        self.changes.repair(alloc::vec![line], |edits| {
            edits.remove_node(goes.id());
            copies.into_iter().for_each(|(from, copy)| edits.move_region(from, copy));
        });
    }
}

/// Copies a region with its numbers in other cells, or returns `None` if there is a doubt about what they
/// mean.
fn copy(node: Node<'_, '_>, from: Cells, to: Cells) -> Option<NewNode> {
    let region = Region::read(node, from);
    if matches!(region.extent, Extent::Malformed { .. }) {
        return None;
    }
    if from == to {
        return Some(NewNode::copy_of(node, node.name(), &[]));
    }
    let mut copy = NewNode::copy_of(node, node.name(), &PLACE);
    for name in PLACE {
        if let Some(prop) = node.prop(name) {
            match reencoded(name, prop.value, from, to) {
                Some(value) => copy = copy.prop(name, value),
                None if region.reads(name) => return None,
                None => {}
            }
        }
    }
    Some(copy)
}
