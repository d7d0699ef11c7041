//! Framebuffers that firmware left in `/chosen`.

use super::reg::Cells;
use super::region::Region;
use crate::fdt::{Node, NodeId, Tree};
use crate::span::Span;
use alloc::vec::Vec;

/// More framebuffers than any board has: each costs a pass over the regions.
const MAX_FRAMEBUFFERS: usize = 64;

/// A `simple-framebuffer` that firmware has set up.
#[derive(Clone, Copy, Debug)]
pub struct Framebuffer {
    /// The node.
    pub node: NodeId,
    /// Its bytes.
    pub span: Span,
    /// Its `reg`, where a `memory-region` counts instead.
    pub reg: Option<Span>,
}

/// Reads the enabled framebuffers of `/chosen`, in the order of the tree.
pub(super) fn framebuffers(tree: &Tree<'_>, chosen: Option<NodeId>, regions: &[Region]) -> Vec<Framebuffer> {
    let Some(chosen) = chosen.map(|node| tree.node(node)) else { return Vec::new() };
    let is_one = |node: &Node<'_, '_>| {
        let compatible = node.prop("compatible").filter(|_| node.is_enabled());
        compatible.is_some_and(|list| list.strings().any(|name| name == "simple-framebuffer"))
    };
    let nodes = chosen.children().filter(is_one).take(MAX_FRAMEBUFFERS);
    nodes
        .filter_map(|node| {
            let (span, reg) = span(chosen, node, regions)?;
            Some(Framebuffer { node: node.id(), span, reg })
        })
        .collect()
}

/// Returns the bytes of a framebuffer: from its `memory-region`, which counts before its `reg`, all that its
/// `reg` maps or its lines take; and the `reg` that does not count.
fn span(chosen: Node<'_, '_>, node: Node<'_, '_>, regions: &[Region]) -> Option<(Span, Option<Span>)> {
    let number = |name| node.prop(name).and_then(|prop| prop.as_u32()).map(u64::from);
    let lines = number("stride").unwrap_or(0).saturating_mul(number("height").unwrap_or(0));
    let reg = || {
        let cells = Cells { address: chosen.address_cells().ok()?, size: chosen.size_cells().ok()? };
        cells.spans(node.prop("reg")?.value).ok()?.first().copied()
    };
    if let Some(phandle) = node.prop("memory-region").and_then(|prop| prop.as_u32()) {
        let region = regions.iter().find(|region| region.phandle == Some(phandle))?;
        return Some((Span::new(region.spans().first()?.base(), lines)?, reg()));
    }
    let reg = reg()?;
    Some((Span::new(reg.base(), reg.len().max(lines))?, None))
}
