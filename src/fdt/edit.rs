//! A list of edits to a tree. [`super::rewrite()`] checks them and makes all or none.

use alloc::string::String;
use alloc::vec::Vec;

use super::{NewNode, NodeId};

/// One edit of one node.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Set { name: String, value: Vec<u8> },
    RemoveProp { name: String },
    Rename(String),
    RemoveNode,
    AddFirst(NewNode),
    AddChild(NewNode),
    AddAfter(NewNode),
}

impl Op {
    /// Returns the rank among the edits of one node: properties by name, then the others in this
    /// order.
    pub(super) fn rank(&self) -> (u8, &str) {
        match self {
            Self::Set { name, .. } | Self::RemoveProp { name } => (0, name),
            Self::Rename(_) => (1, ""),
            Self::RemoveNode => (2, ""),
            Self::AddFirst(_) => (3, ""),
            Self::AddChild(_) => (4, ""),
            Self::AddAfter(_) => (5, ""),
        }
    }
}

/// What one edit does to a node, for those who judge edits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Edit<'e> {
    /// Gives the property of this name a value.
    Set(&'e str, &'e [u8]),
    /// Removes the property of this name.
    RemoveProp(&'e str),
    /// Gives it another name.
    Rename,
    /// Removes it with everything below it.
    RemoveNode,
    /// Adds a child.
    AddChild(&'e NewNode),
    /// Adds a node after it.
    AddAfter(&'e NewNode),
}

/// Edits to be made in one [`super::rewrite()`], in any order. They name nodes of the tree as it is before.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    pub(super) ops: Vec<(NodeId, Op)>,
    pub(super) memreserve: Option<Vec<(u64, u64)>>,
}

impl Edits {
    /// Makes an empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self { ops: Vec::new(), memreserve: None }
    }

    /// Returns whether the list holds no edit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty() && self.memreserve.is_none()
    }

    /// Returns every edit of a node.
    pub(crate) fn each(&self) -> impl Iterator<Item = (NodeId, Edit<'_>)> {
        self.ops.iter().map(|(node, op)| {
            let edit = match op {
                Op::Set { name, value } => Edit::Set(name, value),
                Op::RemoveProp { name } => Edit::RemoveProp(name),
                Op::Rename(_) => Edit::Rename,
                Op::RemoveNode => Edit::RemoveNode,
                Op::AddFirst(new) | Op::AddChild(new) => Edit::AddChild(new),
                Op::AddAfter(new) => Edit::AddAfter(new),
            };
            (*node, edit)
        })
    }

    /// Sets a property. An existing one keeps its place and loses its duplicates; new ones follow the node's
    /// other properties, in order of name. At most one edit may name a property.
    pub fn set(&mut self, node: NodeId, name: &str, value: Vec<u8>) {
        self.ops.push((node, Op::Set { name: String::from(name), value }));
    }

    /// Removes a property that the node has, and its duplicates.
    pub fn remove_prop(&mut self, node: NodeId, name: &str) {
        self.ops.push((node, Op::RemoveProp { name: String::from(name) }));
    }

    /// Gives a node another name, with its unit address. Paths in properties that lead to it are not changed.
    pub fn rename(&mut self, node: NodeId, new_name: &str) {
        self.ops.push((node, Op::Rename(String::from(new_name))));
    }

    /// Removes a node and its descendants. No other edit may name these, but [`Edits::add_node_after`] may
    /// put another in its place.
    pub fn remove_node(&mut self, node: NodeId) {
        self.ops.push((node, Op::RemoveNode));
    }

    /// Adds a node before the children of `parent`, after those that this function added.
    pub fn add_node_first(&mut self, parent: NodeId, node: NewNode) {
        self.ops.push((parent, Op::AddFirst(node)));
    }

    /// Adds a node as the last child of `parent`, after those that this function added.
    pub fn add_node(&mut self, parent: NodeId, node: NewNode) {
        self.ops.push((parent, Op::AddChild(node)));
    }

    /// Adds a node directly after `sibling`, or after those that this function added there.
    pub fn add_node_after(&mut self, sibling: NodeId, node: NewNode) {
        self.ops.push((sibling, Op::AddAfter(node)));
    }

    /// Replaces the memory reserve list with `(base, size)` entries in bytes, none of size 0.
    pub fn set_memreserve(&mut self, entries: Vec<(u64, u64)>) {
        self.memreserve = Some(entries);
    }
}
