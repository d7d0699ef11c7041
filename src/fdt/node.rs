//! A node of a tree: its name, its place, its properties.

use alloc::string::String;
use alloc::vec::Vec;

use super::tree::{NodeRecord, Tree};
use super::{FdtError, Prop};
use crate::order;

/// Names a node of one [`Tree`]; ascending ids are the order of the blob.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(pub(crate) u32);

/// A node of a tree.
#[derive(Copy, Clone)]
pub struct Node<'t, 'a> {
    tree: &'t Tree<'a>,
    id: NodeId,
}

impl<'t, 'a> Node<'t, 'a> {
    pub(super) fn new(tree: &'t Tree<'a>, id: NodeId) -> Self {
        Self { tree, id }
    }

    fn record(&self) -> Option<&'t NodeRecord> {
        self.tree.record(self.id)
    }

    /// Returns the id of the node in its tree.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// Returns the name with the unit address; empty for the root.
    #[must_use]
    pub fn name(&self) -> &'a str {
        let Some(record) = self.record() else { return "" };
        let first = record.name as usize;
        let name = self.tree.blob().bytes().get(first..first + record.name_len as usize);
        name.and_then(|name| core::str::from_utf8(name).ok()).unwrap_or_default()
    }

    /// Returns the name up to the first `@`.
    #[must_use]
    pub fn base_name(&self) -> &'a str {
        let name = self.name();
        name.split_once('@').map_or(name, |(base, _)| base)
    }

    /// Returns the name after the first `@`, if there is one.
    #[must_use]
    pub fn unit_address(&self) -> Option<&'a str> {
        self.name().split_once('@').map(|(_, address)| address)
    }

    /// Returns the parent; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Node<'t, 'a>> {
        let record = self.record()?;
        if self.id.0 == 0 { None } else { Some(Node::new(self.tree, NodeId(record.parent))) }
    }

    /// Returns the children, in the order of the blob.
    pub fn children(&self) -> impl Iterator<Item = Node<'t, 'a>> + Clone + use<'t, 'a> {
        let tree = self.tree;
        let end = self.record().map_or(0, |record| record.end);
        let mut next = self.id.0.saturating_add(1);
        core::iter::from_fn(move || {
            if next >= end {
                return None;
            }
            let child = Node::new(tree, NodeId(next));
            // A subtree ends after its own root, so this always moves on.
            next = child.record().map_or(end, |record| record.end.max(next + 1));
            Some(child)
        })
    }

    /// Returns the first child of this name; one without `@` also matches the first child of that base name.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<Node<'t, 'a>> {
        self.tree.child_named(self.id, name).map(|id| Node::new(self.tree, id))
    }

    /// Returns whether the name up to the first `@` is `name`. Cheaper than comparing [`Node::base_name`].
    #[must_use]
    pub fn has_base_name(&self, name: &str) -> bool {
        self.record().is_some_and(|record| record.is_named(self.tree.blob().bytes(), name.as_bytes(), false))
    }

    /// Returns the name as bytes, without checking that it is UTF-8.
    pub(super) fn name_bytes(&self) -> &'a [u8] {
        let Some(record) = self.record() else { return &[] };
        let first = record.name as usize;
        self.tree.blob().bytes().get(first..first + record.name_len as usize).unwrap_or_default()
    }

    /// Nodes above this one: 0 for the root.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.record().map_or(0, |record| record.depth as usize)
    }

    /// Returns the properties, in the order of the blob, duplicates included.
    pub fn props(&self) -> impl Iterator<Item = Prop<'a>> + Clone + use<'t, 'a> {
        let tree = self.tree;
        tree.prop_records(self.id).iter().map(move |record| tree.prop(record))
    }

    /// Returns the properties, in the order of the blob; of those with one name the first, which is the one
    /// that counts.
    #[must_use]
    pub fn first_props(&self) -> Vec<Prop<'a>> {
        let mut props: Vec<(usize, Prop<'a>)> = self.props().enumerate().collect();
        order::sort_by_key(&mut props, |(index, prop)| (prop.name, *index));
        props.dedup_by_key(|(_, prop)| prop.name);
        order::sort_by_key(&mut props, |(index, _)| *index);
        props.into_iter().map(|(_, prop)| prop).collect()
    }

    /// Returns the first property of this name.
    #[must_use]
    pub fn prop(&self, name: &str) -> Option<Prop<'a>> {
        self.tree.find_prop(self.id, name).map(|record| self.tree.prop_named(record, name.len()))
    }

    /// Returns whether it has a property of this name.
    #[must_use]
    pub fn has_prop(&self, name: &str) -> bool {
        self.tree.find_prop(self.id, name).is_some()
    }

    /// Returns the offset of the value of the first property of this name, in bytes from the start of the
    /// blob.
    #[must_use]
    pub fn value_offset(&self, name: &str) -> Option<usize> {
        self.tree.find_prop(self.id, name).map(|record| record.value as usize)
    }

    /// Returns the full path; `/` for the root.
    #[must_use]
    pub fn path(&self) -> String {
        let mut names: Vec<&str> = Vec::with_capacity(self.depth());
        let mut node = *self;
        while let Some(parent) = node.parent() {
            names.push(node.name());
            node = parent;
        }
        if names.is_empty() {
            return String::from("/");
        }
        let mut path = String::with_capacity(names.iter().map(|name| name.len() + 1).sum());
        for name in names.iter().rev() {
            path.push('/');
            path.push_str(name);
        }
        path
    }

    /// Returns the phandle: `phandle`, else `linux,phandle`, of exactly one word, neither 0 nor -1.
    #[must_use]
    pub fn phandle(&self) -> Option<u32> {
        self.record().map(|record| record.phandle).filter(|phandle| !matches!(phandle, 0 | &u32::MAX))
    }

    /// Returns whether the node's own `status` is absent, `ok` or `okay`, the only values that Linux takes
    /// for enabled (`of_fdt_device_is_available`, drivers/of/fdt.c).
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.prop("status").is_none_or(|status| matches!(status.text(), Some("ok" | "okay")))
    }

    /// Returns whether it and all nodes above it are enabled.
    #[must_use]
    pub fn is_available(&self) -> bool {
        let mut next = Some(*self);
        while let Some(node) = next {
            if !node.is_enabled() {
                return false;
            }
            next = node.parent();
        }
        true
    }

    /// Words of an address in the `reg` of its children: its `#address-cells`, 2 when absent (Devicetree
    /// Specification 0.4, section 2.3.5; Linux assumes 1 for the root).
    ///
    /// # Errors
    /// [`FdtError::BadCells`] when the property is not one word of at most 4.
    pub fn address_cells(&self) -> Result<u32, FdtError> {
        Ok(self.cells("#address-cells")?.unwrap_or(2))
    }

    /// Words of a size in the `reg` of its children: its `#size-cells`, 1 when absent.
    ///
    /// # Errors
    /// [`FdtError::BadCells`] when the property is not one word of at most 4.
    pub fn size_cells(&self) -> Result<u32, FdtError> {
        Ok(self.cells("#size-cells")?.unwrap_or(1))
    }

    /// Reads a property that counts cells; `Ok(None)` when it is absent.
    ///
    /// # Errors
    /// [`FdtError::BadCells`] when the property is not one word of at most 4.
    pub fn cells(&self, name: &str) -> Result<Option<u32>, FdtError> {
        let Some(prop) = self.prop(name) else { return Ok(None) };
        match prop.as_u32() {
            Some(cells) if cells <= 4 => Ok(Some(cells)),
            _ => {
                let offset = self.value_offset(name).unwrap_or_default();
                Err(FdtError::BadCells { offset, len: prop.value.len() })
            }
        }
    }
}

impl core::fmt::Debug for Node<'_, '_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Node({})", self.path())
    }
}

impl PartialEq for Node<'_, '_> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && core::ptr::eq(self.tree, other.tree)
    }
}
