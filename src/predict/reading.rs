//! What a kernel reads of a tree: the same nodes are regions, or RAM, to some kernels only.

use crate::facts::BootFacts;
use crate::fdt::{Node, Tree};
use crate::profile::{KernelProfile, MemoryNodes};
use crate::span::Span;
use crate::survey::{MemoryMap, Region, ReservedMemory};
use alloc::vec::Vec;

/// The nodes that matter, as one kernel takes them.
pub(super) struct Reading {
    /// Every region that some kernel reads, in the order of the tree.
    pub(super) regions: Vec<Region>,
    /// Whether this kernel reads it, for each region.
    is_read: Vec<bool>,
    /// `/reserved-memory`, when this kernel finds it.
    pub(super) reserved: Option<ReservedMemory>,
    /// RAM that it uses: ascending, disjoint.
    pub(super) ram: Vec<Span>,
    /// Whether the kernel is started by its EFI stub.
    pub(super) is_efi: bool,
}

impl Reading {
    pub(super) fn new(tree: &Tree<'_>, map: &MemoryMap, facts: &BootFacts, profile: &KernelProfile) -> Self {
        let ram = match profile.memory_nodes {
            MemoryNodes::EnabledOfRoot => map.usable.clone(),
            MemoryNodes::Any => map.usable_of_any_node(tree, facts, profile),
        };
        let found = match profile.finds_unit_address {
            true => map.reserved.as_ref().map(|reserved| tree.node(reserved.node)),
            false => tree.root().children().find(|node| node.name() == "reserved-memory"),
        };
        let surveyed = map.reserved.as_ref().map(|reserved| tree.node(reserved.node));
        // A region that only another kernel reads counts, too.
        let mut roots: Vec<Node<'_, '_>> = surveyed.into_iter().chain(found).collect();
        roots.sort_by_key(Node::id);
        roots.dedup();
        let (mut regions, mut is_read) = (Vec::new(), Vec::new());
        for root in roots {
            for (node, is_nested) in regions_below(root, profile.reads_nested) {
                let region = map.region(node.id()).cloned();
                let region = region.unwrap_or_else(|| Region::read(node, map.cells));
                let within = Some(root) == found && (!is_nested || profile.reads_nested);
                let is_empty = node.prop("status").is_some_and(|status| status.value.is_empty());
                let ignored = is_empty && !profile.empty_status_disables;
                is_read.push(within && (region.enabled || ignored));
                regions.push(region);
            }
        }
        let reserved = found.map(ReservedMemory::read);
        Self { regions, is_read, reserved, ram: ram.spans().to_vec(), is_efi: facts.efi.is_some() }
    }

    /// Returns the regions that this kernel reads, with their indices.
    pub(super) fn enabled(&self) -> impl Iterator<Item = (usize, &Region)> {
        self.regions
            .iter()
            .enumerate()
            .zip(&self.is_read)
            .filter(|(_, is_read)| **is_read)
            .map(|(item, _)| item)
    }
}

/// Returns the children of `root`, and below them what may be meant as a region, each with whether it is
/// nested. With `all`, that is whatever asks for memory; else partitions and cells of a region that has a
/// place are its driver's.
fn regions_below<'t, 'a>(root: Node<'t, 'a>, all: bool) -> Vec<(Node<'t, 'a>, bool)> {
    let mut found = Vec::new();
    let mut left: Vec<_> = root.children().map(|node| (node, true)).collect();
    left.reverse();
    while let Some((node, only_groups)) = left.pop() {
        let is_nested = node.parent() != Some(root);
        let is_placed = node.has_prop("reg") || node.has_prop("size");
        let is_flagged = node.has_prop("no-map") || node.has_prop("reusable");
        if !is_nested || is_placed && (all || only_groups || is_flagged) {
            found.push((node, is_nested));
        }
        let at = left.len();
        left.extend(node.children().map(|child| (child, only_groups && !is_placed)));
        left.get_mut(at..).unwrap_or_default().reverse();
    }
    found
}
