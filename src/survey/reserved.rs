//! `/reserved-memory` itself: what Linux checks before it reads a child.

use super::reg::Cells;
use crate::fdt::{Node, NodeId, Tree};
use alloc::string::String;

/// The `ranges` property of `/reserved-memory`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ranges {
    /// Absent: Linux ignores every region.
    Missing,
    /// Empty: addresses are physical, as they should be.
    Empty,
    /// Not empty, which no kernel interprets.
    Content,
}

/// The `/reserved-memory` node.
#[derive(Clone, Debug)]
pub struct ReservedMemory {
    /// The node.
    pub node: NodeId,
    /// Its path; Linux also accepts a unit address after the name.
    pub path: String,
    /// Its own `#address-cells`, when it declares one of 4 bytes.
    pub address_cells: Option<u32>,
    /// Its own `#size-cells`, when it declares one of 4 bytes.
    pub size_cells: Option<u32>,
    /// Its `ranges`.
    pub ranges: Ranges,
}

impl ReservedMemory {
    pub(super) fn survey(tree: &Tree<'_>) -> Option<Self> {
        tree.find("/reserved-memory").map(Self::read)
    }

    /// Reads `node`, were it the `/reserved-memory` that Linux finds.
    pub(crate) fn read(node: Node<'_, '_>) -> Self {
        let (address_cells, size_cells) = Cells::declared(node);
        Self {
            node: node.id(),
            path: node.path(),
            address_cells,
            size_cells,
            ranges: match node.prop("ranges") {
                None => Ranges::Missing,
                Some(ranges) if ranges.value.is_empty() => Ranges::Empty,
                Some(_) => Ranges::Content,
            },
        }
    }

    /// Returns the cells with which the children were written: the node's own, where it declares them, else
    /// the root's.
    #[must_use]
    pub fn cells(&self, root: Cells) -> Cells {
        Cells {
            address: self.address_cells.unwrap_or(root.address),
            size: self.size_cells.unwrap_or(root.size),
        }
    }

    /// Returns whether Linux accepts the node: both cells declared and equal to the root's
    /// (drivers/of/of_reserved_mem.c, `__reserved_mem_check_root`). `ranges` is checked separately.
    #[must_use]
    pub fn cells_match(&self, root: Cells) -> bool {
        self.address_cells == Some(root.address) && self.size_cells == Some(root.size)
    }
}
