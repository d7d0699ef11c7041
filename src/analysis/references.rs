//! Who refers to which region.

use crate::fdt::{NodeId, Tree};
use crate::order;
use alloc::vec::Vec;

/// One phandle of one `memory-region`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The node that has the property.
    pub user: NodeId,
    /// The phandle.
    pub phandle: u32,
    /// The node that it leads to.
    pub target: Option<NodeId>,
}

/// Returns the devices in use that refer to each region, by region and then by user, each once.
pub(super) fn users(tree: &Tree<'_>, references: &[Reference]) -> Vec<(NodeId, NodeId)> {
    let in_use = references.iter().filter(|reference| tree.node(reference.user).is_available());
    let mut users: Vec<_> =
        in_use.filter_map(|reference| Some((reference.target?, reference.user))).collect();
    order::sort(&mut users);
    users.dedup();
    users
}

/// Reads every `memory-region`, in the order of the tree: O(n log n).
pub(super) fn references(tree: &Tree<'_>) -> Vec<Reference> {
    let mut found = Vec::new();
    for (node, prop) in tree.props_named("memory-region") {
        found.extend(prop.cells().map(|phandle| Reference { user: node.id(), phandle, target: None }));
    }
    if found.is_empty() {
        return found;
    }
    let mut targets: Vec<(u32, NodeId)> =
        tree.nodes().filter_map(|node| Some((node.phandle()?, node.id()))).collect();
    order::sort(&mut targets);
    for reference in &mut found {
        let at = targets.partition_point(|(phandle, _)| *phandle < reference.phandle);
        reference.target =
            targets.get(at).filter(|(phandle, _)| *phandle == reference.phandle).map(|(_, id)| *id);
    }
    found
}
