//! Bringing regions to where Linux reads them: out of a second `/reserved-memory`, out of one that is misspelled, up
//! from a level too deep.

use super::RepairKind;
use super::draft::{Draft, Origin, Slot, base_name};
use super::reencode;
use crate::fdt::{NewNode, Node, NodeId};
use crate::order;
use crate::survey::{Cells, Extent, Region};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Properties that say where a region lies.
const PLACE: [&str; 4] = ["reg", "size", "alignment", "alloc-ranges"];

/// What was taken from where no kernel looks.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Nodes that go from where they are.
    pub(super) gone: Vec<NodeId>,
    /// Regions that reserve nothing, or have no RAM to be placed in, and go along as they are.
    pub(super) idle: Vec<NewNode>,
    /// Regions that look for a place.
    pub(super) dynamic: Vec<Region>,
    /// New and old path of each.
    pub(super) moved: Vec<(String, String)>,
    /// Names that children of `/reserved-memory` have, sorted.
    taken: Vec<String>,
}

/// Enter the spans of regions that are out of place among those that the plan is about.
pub(super) fn gather(draft: &mut Draft<'_, '_>) {
    let (tree, root) = (&draft.analysis.tree, draft.analysis.map.cells);
    let first = draft.analysis.map.reserved.as_ref();
    draft.gathered.taken = draft.analysis.map.regions.iter().map(|region| region.name.clone()).collect();
    order::sort(&mut draft.gathered.taken);
    for kind in draft.wanted.iter() {
        let (node, cells) = match kind {
            RepairKind::Gather(id) | RepairKind::Respell(id) => (tree.node(id), root),
            RepairKind::Hoist(id) => (tree.node(id), first.map_or(root, |first| first.cells(root))),
            _ => continue,
        };
        let hoist = matches!(kind, RepairKind::Hoist(_));
        if hoist && holds_another(draft, node.id()) {
            continue;
        }
        let above = if hoist { node.parent().unwrap_or(node) } else { node };
        let (address, size) = Cells::declared(above);
        let cells = Cells { address: address.unwrap_or(cells.address), size: size.unwrap_or(cells.size) };
        let nodes: Vec<Node<'_, '_>> = if hoist { alloc::vec![node] } else { node.children().collect() };
        let regions: Vec<Region> = nodes.iter().map(|&node| Region::read(node, cells)).collect();
        // One that cannot be moved as it was meant leaves all where they are: the finding stands.
        if !(regions.iter().all(is_plain) && cells.usable() && root.usable()) {
            continue;
        }
        let mut idle = Vec::new();
        for region in &regions {
            idle.extend(idle_copy(draft, region, cells, root));
        }
        if idle.len() != regions.iter().filter(|region| !is_live(draft, region)).count() {
            continue;
        }
        let still = regions.iter().filter(|region| !is_live(draft, region)).zip(&idle);
        let moved =
            still.map(|(region, copy)| (format!("{}/{}", home(draft), copy.name), region.path.clone()));
        draft.gathered.moved.extend(moved.collect::<Vec<_>>());
        draft.gathered.idle.append(&mut idle);
        draft.gathered.gone.push(node.id());
        let path = node.path();
        draft.repaired(kind, &path, "moved into /reserved-memory");
        let live: Vec<Region> = regions.into_iter().filter(|region| is_live(draft, region)).collect();
        for region in &live {
            for (tuple, &span) in region.spans().iter().enumerate() {
                draft.slots.push(Slot {
                    origin: Origin::Moved(region.node, tuple),
                    base_name: base_name(&region.name).into(),
                    span,
                    no_map: draft.unmaps_moved(region),
                    pinned: false,
                    cma: false,
                });
            }
        }
        let dynamic = live.into_iter().filter(|region| region.spans().is_empty());
        draft.gathered.dynamic.extend(dynamic);
    }
}

/// The path of the node that Linux reads, or will.
pub(super) fn home<'s>(draft: &Draft<'s, '_>) -> &'s str {
    draft.analysis.map.reserved.as_ref().map_or("/reserved-memory", |reserved| reserved.path.as_str())
}

/// Tell whether a region can be moved without a doubt of what it means.
fn is_plain(region: &Region) -> bool {
    let flags = !(region.no_map && region.reusable);
    match region.extent {
        Extent::Static(_) => flags,
        Extent::Nowhere => true,
        Extent::Dynamic(_) => flags,
        Extent::Malformed { .. } => false,
    }
}

/// Tell whether a region is to have a place of its own.
fn is_live(draft: &Draft<'_, '_>, region: &Region) -> bool {
    let placed = match region.extent {
        Extent::Dynamic(_) => draft.analysis.map.ram.is_known(),
        _ => !region.spans().is_empty(),
    };
    region.enabled && placed
}

/// Tell whether a node that is to come up holds another such: then it cannot leave with all that is in it. Nodes are
/// numbered from the top, so that the next one would be it.
fn holds_another(draft: &Draft<'_, '_>, id: NodeId) -> bool {
    let next = draft.wanted.after(RepairKind::Hoist(id)).and_then(|kind| match kind {
        RepairKind::Hoist(other) => Some(draft.analysis.tree.node(other)),
        _ => None,
    });
    let above = core::iter::successors(next, |node| node.parent());
    above.skip(1).any(|node| node.id() == id)
}

/// A copy of a region that reserves nothing, its numbers in the root's cells.
fn idle_copy(draft: &Draft<'_, '_>, region: &Region, cells: Cells, root: Cells) -> Option<NewNode> {
    if is_live(draft, region) {
        return None;
    }
    let node = draft.analysis.tree.node(region.node);
    let mut copy = NewNode::copy_of(node, &free_name(&draft.gathered, region.name.clone()), &PLACE);
    for name in PLACE {
        if let Some(prop) = node.prop(name) {
            copy = copy.prop(name, reencode::reencoded(name, prop.value, cells, root)?);
        }
    }
    Some(copy)
}

/// The name, or where a region has it already, one beside it.
fn free_name(gathered: &Gathered, name: String) -> String {
    match (gathered.taken.binary_search(&name), name.split_once('@')) {
        (Err(_), _) => name,
        (Ok(_), Some((stem, unit))) => format!("{stem}-moved@{unit}"),
        (Ok(_), None) => format!("{name}-moved"),
    }
}

/// The node of a slot that was gathered: the first tuple keeps what must be unique.
pub(super) fn moved_node(draft: &Draft<'_, '_>, slot: &Slot, id: NodeId, tuple: usize) -> Option<NewNode> {
    let node = draft.analysis.tree.node(id);
    let reg = draft.analysis.map.cells.encode_span(slot.span)?;
    let name = match (tuple, node.name().contains('@')) {
        (0, false) => node.name().to_string(),
        (0, true) => format!("{}@{:x}", slot.base_name, slot.span.base()),
        _ => format!("{}-{tuple}@{:x}", slot.base_name, slot.span.base()),
    };
    let unique = ["reg", "phandle", "linux,phandle", "linux,cma-default", "linux,dma-default"];
    let name = free_name(&draft.gathered, name);
    let mut copy = NewNode::copy_of(node, &name, if tuple == 0 { &PLACE[..] } else { &unique });
    if tuple > 0 {
        copy.children.clear();
    }
    let mut copy = copy.prop("reg", reg);
    if slot.no_map && !node.has_prop("no-map") {
        copy.props.retain(|(name, _)| name != "reusable");
        copy = copy.prop_empty("no-map");
    }
    Some(copy)
}
