//! Collects the edits of one tree: what a repair may do to regions, `/reserved-memory` and `/chosen`.

use super::names;
use super::paths::{self, Moved};
use crate::analysis::Analysis;
use crate::fdt::{Edits, NewNode, Node, NodeId};
use crate::order;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The edits of one tree in the making.
pub(super) struct Writer<'s, 'c, 'a> {
    analysis: &'s Analysis<'c, 'a>,
    edits: Edits,
    regions: Vec<NewRegion>,
    renames: Vec<(NodeId, String)>,
    /// The properties edited of the node that was edited last.
    edited: (NodeId, Vec<String>),
    chosen: NewNode,
    count: usize,
}

/// A new child of `/reserved-memory`.
struct NewRegion {
    node: NewNode,
    /// The region that it follows; without one it becomes the last child.
    after: Option<NodeId>,
    /// The node whose place it takes.
    from: Option<NodeId>,
}

impl<'s, 'c, 'a> Writer<'s, 'c, 'a> {
    pub(super) fn new(analysis: &'s Analysis<'c, 'a>) -> Self {
        Self {
            analysis,
            edits: Edits::new(),
            regions: Vec::new(),
            renames: Vec::new(),
            edited: (analysis.tree.root().id(), Vec::new()),
            chosen: NewNode::new("chosen"),
            count: 0,
        }
    }

    /// Returns how many edits there are.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// Gives a node's property a value, unless a repair before has edited it.
    pub(super) fn set(&mut self, node: NodeId, name: &str, value: Vec<u8>) {
        if self.is_first_edit(node, name) {
            self.edits.set(node, name, value);
            self.count += 1;
        }
    }

    /// Removes a property if the node has it, unless a repair before has edited it.
    pub(super) fn remove_prop(&mut self, node: NodeId, name: &str) {
        if self.analysis.tree.node(node).has_prop(name) && self.is_first_edit(node, name) {
            self.edits.remove_prop(node, name);
            self.count += 1;
        }
    }

    /// Notes that a property is edited. All repairs of one node are made in a row.
    fn is_first_edit(&mut self, node: NodeId, name: &str) -> bool {
        if self.edited.0 != node {
            self.edited = (node, Vec::new());
        }
        let first = self.edited.1.iter().all(|edited| edited != name);
        if first {
            self.edited.1.push(name.to_string());
        }
        first
    }

    /// Removes a node with everything below it.
    pub(super) fn remove_node(&mut self, node: NodeId) {
        self.edits.remove_node(node);
        self.count += 1;
    }

    /// Renames a region. No child of `/reserved-memory` may have that name afterwards.
    pub(super) fn rename(&mut self, node: NodeId, name: &str) {
        self.edits.rename(node, name);
        self.renames.push((node, name.to_string()));
        self.count += 1;
    }

    /// Adds a region as the last child of `/reserved-memory`.
    pub(super) fn add_region(&mut self, node: NewNode) {
        self.add(NewRegion { node, after: None, from: None });
    }

    /// Adds a region after another.
    pub(super) fn add_region_after(&mut self, region: NodeId, node: NewNode) {
        self.add(NewRegion { node, after: Some(region), from: None });
    }

    /// Adds a region that takes the place of the node `from`, for paths to follow. The caller removes that
    /// node.
    pub(super) fn move_region(&mut self, from: NodeId, node: NewNode) {
        self.add(NewRegion { node, after: None, from: Some(from) });
    }

    fn add(&mut self, region: NewRegion) {
        self.regions.push(region);
        self.count += 1;
    }

    /// Gives a property of `/chosen` a value.
    pub(super) fn set_chosen(&mut self, name: &str, value: Vec<u8>) {
        self.chosen.props.push((name.to_string(), value));
        self.count += 1;
    }

    /// Adds a node to `/chosen`, in place of one of the same name.
    pub(super) fn add_to_chosen(&mut self, node: NewNode) {
        self.chosen.children.push(node);
        self.count += 1;
    }

    /// Replaces the memory reserve list by `(base, size)` entries in bytes.
    pub(super) fn set_memreserve(&mut self, entries: Vec<(u64, u64)>) {
        self.edits.set_memreserve(entries);
        self.count += 1;
    }

    /// Completes the edits.
    pub(super) fn finish(mut self) -> Edits {
        let moved = self.write_regions();
        self.write_chosen();
        paths::follow(&self.analysis.tree, &moved, &mut self.edits);
        self.edits
    }

    /// Names the new regions and writes them. Returns what has a new path.
    fn write_regions(&mut self) -> Vec<Moved> {
        let tree = &self.analysis.tree;
        let home = self.analysis.map.reserved.as_ref();
        let (mut regions, mut renames) =
            (core::mem::take(&mut self.regions), core::mem::take(&mut self.renames));
        order::sort(&mut renames);
        let name_of = |node: Node<'_, 'a>| {
            let at = renames.binary_search_by_key(&node.id(), |(id, _)| *id);
            at.ok().and_then(|at| renames.get(at)).map_or(node.name(), |(_, name)| name)
        };
        let children = home.into_iter().flat_map(|home| tree.node(home.node).children());
        let existing: Vec<&str> = children.map(name_of).collect();
        let mut fresh: Vec<&mut String> = regions.iter_mut().map(|region| &mut region.node.name).collect();
        names::separate(&existing, &mut fresh);

        let parent = home.map_or("/reserved-memory", |home| home.path.as_str());
        let moved = |(node, name): (NodeId, &str)| Moved {
            old: tree.node(node).path(),
            new: format!("{parent}/{name}"),
        };
        let renamed = renames.iter().map(|(node, name)| (*node, name.as_str()));
        let brought = regions.iter().filter_map(|region| Some((region.from?, region.node.name.as_str())));
        let all = renamed.chain(brought).map(moved).collect();

        let mut first = NewNode::new("reserved-memory")
            .prop_u32("#address-cells", self.analysis.map.cells.address)
            .prop_u32("#size-cells", self.analysis.map.cells.size)
            .prop_empty("ranges");
        for NewRegion { node, after, .. } in regions {
            match (after, home) {
                (Some(sibling), _) => self.edits.add_node_after(sibling, node),
                (None, Some(home)) => self.edits.add_node(home.node, node),
                (None, None) => first.children.push(node),
            }
        }
        if !first.children.is_empty() {
            self.edits.add_node(tree.root().id(), first);
        }
        all
    }

    fn write_chosen(&mut self) {
        let tree = &self.analysis.tree;
        let new = core::mem::take(&mut self.chosen);
        if new.props.is_empty() && new.children.is_empty() {
            return;
        }
        let Some(id) = self.analysis.map.chosen.node else {
            self.edits.add_node(tree.root().id(), new);
            return;
        };
        for (name, value) in new.props {
            self.edits.set(id, &name, value);
        }
        for child in new.children {
            if let Some(old) = tree.node(id).child(&child.name) {
                self.edits.remove_node(old.id());
            }
            self.edits.add_node(id, child);
        }
    }
}
