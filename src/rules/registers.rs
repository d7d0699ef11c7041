//! The registers of devices, for rules about RAM.

use crate::analysis::Analysis;
use crate::fdt::{Bus, Node, NodeId};
use crate::span::Span;
use alloc::vec::Vec;

/// Calls `visit` with every register block, as the CPU sees it, and with its index in `reg`.
pub(super) fn each_register<'s>(
    analysis: &'s Analysis<'s, '_>,
    mut visit: impl FnMut(Node<'s, '_>, usize, Span),
) {
    let tree = &analysis.tree;
    // The nodes above the one at hand, from the root down, each with the bus of its children.
    let mut above: Vec<(NodeId, Option<Bus>)> = Vec::new();
    for (node, reg) in tree.props_named("reg") {
        let mut missing: Vec<Node<'_, '_>> = Vec::new();
        let mut next = node.parent();
        while let Some(parent) = next
            && above.get(parent.depth()).is_none_or(|(id, _)| *id != parent.id())
        {
            missing.push(parent);
            next = parent.parent();
        }
        above.truncate(next.map_or(0, |known| known.depth() + 1));
        for parent in missing.into_iter().rev() {
            let bus = match above.last() {
                None => Bus::root(tree),
                Some((_, bus)) => bus.as_ref().and_then(|bus| bus.below(parent)),
            };
            above.push((parent.id(), bus.filter(|bus| !bus.has_flags())));
        }
        let Some((_, Some(bus))) = above.last() else { continue };
        let blocks = bus.registers_in(reg.value).enumerate();
        blocks.for_each(|(index, span)| span.into_iter().for_each(|span| visit(node, index, span)));
    }
}

/// Children of the root whose `reg`, or that of what is below them, does not name registers of a device.
const NO_DEVICES: [&str; 4] = ["reserved-memory", "chosen", "memory", "cpus"];

/// Returns whether a tuple of a node's `reg` is registers of a device in use: the node has a `compatible`,
/// and neither it nor a node above it is disabled. Few nodes have registers in RAM, so this is asked last.
pub(super) fn is_of_device(node: Node<'_, '_>, index: usize) -> bool {
    let path = core::iter::successors(Some(node), Node::parent).take_while(|node| node.depth() > 0);
    node.has_prop("compatible")
        && path.clone().all(|node| node.is_enabled())
        && path.last().is_some_and(|top| !NO_DEVICES.iter().any(|name| top.has_base_name(name)))
        && !is_behind_iommu(node, index)
}

/// Returns whether a tuple of `reg` is what the device sees behind its IOMMU: `smmu_iova_base` and
/// `smmu_iova_ipa` in the trees that Qualcomm's boards boot with (drivers/soc/qcom/icnss.c of their kernels).
fn is_behind_iommu(node: Node<'_, '_>, index: usize) -> bool {
    let name = node.prop("reg-names").and_then(|names| names.strings().nth(index));
    name.is_some_and(|name| name.contains("iova"))
}
