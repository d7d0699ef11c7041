//! Finds children and properties by name, however many siblings there are: a scan for each name would let a
//! small hostile overlay cost minutes.

use super::map::Map;
use crate::fdt::tree::PropRecord;
use crate::fdt::{NodeId, Prop, Tree};

/// A tree with its names sorted, node by node as they are asked for.
pub(super) struct Index<'t> {
    pub(super) tree: &'t Tree<'t>,
    /// From a parent and a name, with or without unit address, to a child. No node has an empty name, so that
    /// key records that the children of a parent are indexed.
    children: Map<'t>,
    /// From a node and a name to the property's place in the node; an empty name as above.
    props: Map<'t>,
}

impl<'t> Index<'t> {
    pub(super) fn new(tree: &'t Tree<'t>) -> Self {
        Self { tree, children: Map::default(), props: Map::default() }
    }

    /// Finds a child. A name without `@` also matches the first child of that base name, as in libfdt.
    #[inline(never)]
    pub(super) fn child(&mut self, parent: u32, name: &str) -> Option<u32> {
        if self.children.set(parent, "", 0) {
            for child in self.tree.node(NodeId(parent)).children() {
                let name = child.name();
                // The first one counts.
                for name in [before_at(name), name] {
                    if self.children.get(parent, name).is_none() {
                        self.children.set(parent, name, child.id().0);
                    }
                }
            }
        }
        self.children.get(parent, name).filter(|_| !name.is_empty())
    }

    /// Enters a new child before the others, as libfdt does.
    pub(super) fn add_child(&mut self, parent: u32, name: &'t str, id: u32) {
        self.children.set(parent, before_at(name), id);
        self.children.set(parent, name, id);
    }

    /// Finds a node by its path, or by an alias with a path below it.
    #[inline(never)]
    pub(super) fn find(&mut self, path: &str) -> Option<u32> {
        let (mut node, mut rest) = (0, path);
        if !path.starts_with('/') {
            let (alias, below) = cut(path, b'/');
            rest = below;
            let aliases = self.child(0, "aliases")?;
            let target = self.prop(aliases, alias)?.1.as_str()?;
            // An alias does not lead to another alias.
            if !target.starts_with('/') {
                return None;
            }
            node = self.find_below(0, target)?;
        }
        self.find_below(node, rest)
    }

    #[inline(never)]
    fn find_below(&mut self, mut node: u32, path: &str) -> Option<u32> {
        let mut rest = path;
        while !rest.is_empty() {
            let (name, below) = cut(rest, b'/');
            rest = below;
            if !name.is_empty() {
                node = self.child(node, name)?;
            }
        }
        Some(node)
    }

    /// Finds a property of a node.
    #[inline(never)]
    pub(super) fn prop(&mut self, node: u32, name: &str) -> Option<(PropRecord, Prop<'t>)> {
        let tree = self.tree;
        let records = tree.prop_records(NodeId(node));
        if self.props.set(node, "", 0) {
            for (place, record) in records.iter().enumerate().rev() {
                // The first one counts, and is the last to come here.
                self.props.set(node, tree.prop(record).name, place as u32);
            }
        }
        let place = self.props.get(node, name).filter(|_| !name.is_empty())?;
        let record = records.get(place as usize)?;
        Some((*record, tree.prop(record)))
    }
}

/// Returns the text before and after the first `separator`.
#[inline(never)]
pub(super) fn cut(text: &str, separator: u8) -> (&str, &str) {
    let at = text.bytes().position(|byte| byte == separator).unwrap_or(text.len());
    (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default())
}

fn before_at(name: &str) -> &str {
    cut(name, b'@').0
}
