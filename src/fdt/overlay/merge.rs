//! Merges fragments into the base. All changes are gathered before anything is written, since
//! several fragments may touch one node and the later one wins.

use alloc::string::String;
use alloc::vec::Vec;

use super::error::{Fail, OverlayFault};
use super::fixup::{Patched, is_phandle};
use super::index::Index;
use super::map::{Entry, Map};
use super::{depth_below, end};
use crate::fdt::tree::PropRecord;
use crate::fdt::{Edits, FdtError, MAX_DEPTH, NewNode, NodeId, Tree, rewrite};

/// The base with the changes merged into it. Nodes that the base lacks are numbered after its own.
pub(super) struct Merged<'t> {
    pub(super) base: Index<'t>,
    /// How many nodes the base has.
    count: u32,
    /// The base's highest phandle, 0 when it has none.
    pub(super) highest: u32,
    added: Vec<Added<'t>>,
    /// From a phandle to the node that has it.
    phandles: Map<'t>,
    /// From a phandle that the overlay gave to a node of the base, renumbered, to the one that the node
    /// keeps.
    pub(super) kept: Map<'t>,
    /// From a fragment to its target.
    pub(super) targets: Map<'t>,
    /// From a node and a property's name to its new value in `values`.
    writes: Map<'t>,
    values: Vec<Value>,
}

/// A node that the base lacks.
struct Added<'t> {
    name: &'t str,
    parent: u32,
    depth: usize,
}

/// The new value of a property.
enum Value {
    /// The value of one of the overlay.
    Copied(PropRecord),
    /// The path of a labelled node.
    Path(String),
}

impl<'t> Merged<'t> {
    pub(super) fn new(base: &'t Tree<'t>) -> Self {
        let mut phandles = Map::default();
        let mut highest = 0;
        let count = end(base, 0);
        // The first one counts, and is the last to come here.
        for node in (0..count).rev() {
            if let Some(phandle) = base.node(NodeId(node)).phandle() {
                highest = highest.max(phandle);
                phandles.set(phandle, "", node);
            }
        }
        Self {
            base: Index::new(base),
            count,
            highest,
            added: Vec::new(),
            phandles,
            kept: Map::default(),
            targets: Map::default(),
            writes: Map::default(),
            values: Vec::new(),
        }
    }

    /// Merges all fragments, in their order.
    pub(super) fn fragments(&mut self, overlay: &mut Patched<'t>) -> Result<(), Fail<'t>> {
        let tree = overlay.index.tree;
        for fragment in tree.root().children() {
            let fragment = fragment.id().0;
            let Some(content) = overlay.index.child(fragment, "__overlay__") else { continue };
            let target = self.target(fragment, overlay)?;
            self.targets.set(fragment, "", target);
            self.node(content, target, overlay)?;
        }
        if self.targets.is_empty() {
            return Err(Fail::new(OverlayFault::NoFragment, 0, ""));
        }
        Ok(())
    }

    /// Finds the target of a fragment.
    fn target(&mut self, fragment: u32, overlay: &mut Patched<'t>) -> Result<u32, Fail<'t>> {
        let none = || Fail::new(OverlayFault::NoTarget, fragment, "");
        let missing = |target| Fail::new(OverlayFault::NoSuchTarget, fragment, target);
        if let Some((record, _)) = overlay.index.prop(fragment, "target") {
            let word = overlay.word(&record, 0).filter(|_| record.len == 4).ok_or_else(none)?;
            match u32::from_be_bytes(*word) {
                // The path decides then.
                0 => {}
                u32::MAX => return Err(none()),
                phandle => return self.phandles.get(phandle, "").ok_or_else(|| missing("target")),
            }
        }
        let path = overlay.index.prop(fragment, "target-path").and_then(|(_, prop)| prop.as_str());
        let path = path.ok_or_else(none)?;
        self.base.find(path).ok_or_else(|| missing(path))
    }

    /// Merges a node of the overlay and its descendants into `target`.
    fn node(&mut self, top: u32, target: u32, overlay: &mut Patched<'t>) -> Result<(), Fail<'t>> {
        let tree = overlay.index.tree;
        // The targets of the current node and of those above it.
        let mut twins: Vec<u32> = Vec::new();
        for node in top..end(tree, top) {
            twins.truncate(depth_below(tree, node, top));
            let twin = match twins.last() {
                None => target,
                Some(&parent) => self
                    .child_or_add(parent, tree.node(NodeId(node)).name())
                    .ok_or_else(|| Fail::new(OverlayFault::TooDeep, node, ""))?,
            };
            twins.push(twin);
            let kept = self.base.tree.node(NodeId(twin)).phandle();
            for record in tree.prop_records(NodeId(node)) {
                if is_phandle(tree, record)
                    && let Some(word) = overlay.word(record, 0)
                {
                    let own = u32::from_be_bytes(*word);
                    self.phandles.set(own, "", twin);
                    if let Some(kept) = kept {
                        *word = kept.to_be_bytes();
                        self.kept.set(own, "", kept);
                    }
                }
                self.set(twin, tree.prop(record).name, Value::Copied(*record));
            }
        }
        Ok(())
    }

    /// Returns the child of this name, a new one when there is none; `None` when that would be too deep.
    pub(super) fn child_or_add(&mut self, parent: u32, name: &'t str) -> Option<u32> {
        if let Some(child) = self.base.child(parent, name) {
            return Some(child);
        }
        let depth = match self.added(parent) {
            Some(added) => added.depth,
            None => self.base.tree.node(NodeId(parent)).depth(),
        } + 1;
        // Nodes are owned by their parents later on, and dropped with them: this bounds that recursion, too.
        if depth >= MAX_DEPTH {
            return None;
        }
        let id = self.count.checked_add(self.added.len() as u32)?;
        self.added.push(Added { name, parent, depth });
        self.base.add_child(parent, name, id);
        Some(id)
    }

    fn added(&self, node: u32) -> Option<&Added<'t>> {
        self.added.get(node.checked_sub(self.count)? as usize)
    }

    fn set(&mut self, node: u32, name: &'t str, value: Value) {
        self.writes.set(node, name, self.values.len() as u32);
        self.values.push(value);
    }

    /// Sets a property to a path.
    pub(super) fn set_path(&mut self, node: u32, name: &'t str, path: String) {
        self.set(node, name, Value::Path(path));
    }

    /// Returns the full path of a node with `below` after it, and a NUL.
    pub(super) fn path(&self, mut node: u32, below: &str) -> String {
        let mut names = alloc::vec![below];
        while let Some(added) = self.added(node) {
            names.push(added.name);
            node = added.parent;
        }
        let mut path = self.base.tree.node(NodeId(node)).path();
        while let Some(name) = names.pop() {
            if path.len() > 1 && !name.is_empty() {
                path.push('/');
            }
            path.push_str(name);
        }
        path.push('\0');
        path
    }

    /// Writes the merged tree. New nodes precede older ones, as with libfdt.
    pub(super) fn write(&self, overlay: &Patched<'_>) -> Result<Vec<u8>, FdtError> {
        let mut edits = Edits::new();
        let mut new: Vec<NewNode> = Vec::new();
        for added in &self.added {
            new.push(NewNode::new(added.name));
        }
        for &Entry { number: node, name, value } in self.writes.entries() {
            let value = match self.values.get(value as usize) {
                Some(Value::Copied(record)) => overlay.value(record),
                Some(Value::Path(path)) => path.as_bytes(),
                None => continue,
            };
            match new.get_mut(node.wrapping_sub(self.count) as usize) {
                Some(new) => new.props.push((name.into(), value.into())),
                None => edits.set(NodeId(node), name, value.into()),
            }
        }
        // A node is numbered after its parent, so the last one has all its children.
        while let Some((node, added)) = new.pop().zip(self.added.get(new.len())) {
            match new.get_mut(added.parent.wrapping_sub(self.count) as usize) {
                Some(parent) => parent.children.push(node),
                None => edits.add_node_first(NodeId(added.parent), node),
            }
        }
        rewrite(self.base.tree, &edits)
    }

    /// Returns the most bytes that the result may have.
    pub(super) fn limit(&self) -> usize {
        self.base.tree.blob().limit()
    }
}
