//! A checked blob as a tree that can be walked and searched: two flat tables of offsets, in the order of the
//! blob.

use alloc::vec::Vec;

use super::index::Index;
use super::node::{Node, NodeId};
use super::{Blob, FdtError, MAX_SIZE, Prop};

/// A node: 24 bytes for at least 12 bytes of blob.
#[derive(Clone, Copy)]
pub(super) struct NodeRecord {
    /// Offset of the name in the blob.
    pub(super) name: u32,
    pub(super) name_len: u16,
    /// Nodes above this one.
    pub(super) depth: u16,
    /// Index of the parent; the root is its own.
    pub(super) parent: u32,
    /// Index of the first node after this one's subtree; preorder makes links to children needless.
    pub(super) end: u32,
    /// Index of the first property; they end at the next node's first.
    pub(super) first_prop: u32,
    /// 0 when it has none.
    pub(super) phandle: u32,
}

impl NodeRecord {
    /// Returns whether its name, or with `whole` unset the name up to the first `@`, is `name`. Lengths and
    /// the byte after the name tell nearly all names apart.
    #[inline(always)]
    pub(super) fn is_named(&self, bytes: &[u8], name: &[u8], whole: bool) -> bool {
        let (len, first) = (self.name_len as usize, self.name as usize);
        let ends =
            len == name.len() || (!whole && len > name.len() && bytes.get(first + name.len()) == Some(&b'@'));
        ends && bytes.get(first..).is_some_and(|own| own.starts_with(name))
    }
}

/// A property: 12 bytes for at least 12 bytes of blob.
#[derive(Clone, Copy)]
pub(super) struct PropRecord {
    /// Offset of the name in the strings block.
    pub(super) name: u32,
    /// Offset of the value in the blob.
    pub(super) value: u32,
    /// Length of the value in bytes.
    pub(super) len: u32,
}

/// A device tree, borrowed from its blob.
pub struct Tree<'a> {
    blob: Blob<'a>,
    /// The strings block as text, checked once and not for every name; empty when it is not UTF-8 as a whole.
    text: &'a str,
    nodes: Vec<NodeRecord>,
    props: Vec<PropRecord>,
}

impl<'a> Tree<'a> {
    /// Checks a DTB of at most [`MAX_SIZE`] bytes and indexes it.
    ///
    /// # Errors
    /// The first fault of its structure, or [`FdtError::OutOfMemory`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FdtError> {
        Self::parse_with_limit(bytes, MAX_SIZE)
    }

    /// Parses as [`Tree::parse`] does, but allows a `totalsize` of up to `limit` bytes, inclusive. Check and
    /// index take one pass. The tables take about as much memory as the structure block without its values.
    ///
    /// # Errors
    /// As for [`Tree::parse`].
    pub fn parse_with_limit(bytes: &'a [u8], limit: usize) -> Result<Self, FdtError> {
        let mut index = Index::default();
        let blob = Blob::check_into(bytes, limit, &mut index)?;
        let text = core::str::from_utf8(blob.strings()).unwrap_or_default();
        let Index { nodes, props, .. } = index;
        Ok(Self { blob, text, nodes, props })
    }

    /// Returns the blob under this tree.
    #[must_use]
    pub fn blob(&self) -> &Blob<'a> {
        &self.blob
    }

    /// Returns the root.
    #[must_use]
    pub fn root(&self) -> Node<'_, 'a> {
        self.node(NodeId(0))
    }

    /// Returns the names of its board, the `compatible` of the root, the most specific first.
    pub fn board_names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.root().prop("compatible").into_iter().flat_map(|prop| prop.strings())
    }

    /// Returns the node with an id of this tree; an id of another tree gives an arbitrary node or an
    /// empty one.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Node<'_, 'a> {
        Node::new(self, id)
    }

    /// Returns all nodes, parents first, in the order of the blob.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_, 'a>> + Clone {
        (0..self.nodes.len() as u32).map(|id| self.node(NodeId(id)))
    }

    /// Finds a node by its full path, such as `/reserved-memory/camera@84300000`. A component without `@`
    /// also matches the first node of that base name, as in libfdt (`fdt_subnode_offset_namelen`).
    #[must_use]
    pub fn find(&self, path: &str) -> Option<Node<'_, 'a>> {
        let mut node = self.root();
        for component in path.strip_prefix('/')?.split('/').filter(|component| !component.is_empty()) {
            node = node.child(component)?;
        }
        Some(node)
    }

    /// Finds a node by a path, or by an alias with a path below it, such as `serial0` or `soc/uart@0`.
    #[must_use]
    pub fn resolve(&self, path: &str) -> Option<Node<'_, 'a>> {
        if path.starts_with('/') {
            return self.find(path);
        }
        let (alias, rest) = path.split_once('/').unwrap_or((path, ""));
        let mut node = self.find(self.find("/aliases")?.prop(alias)?.as_str()?)?;
        for component in rest.split('/').filter(|component| !component.is_empty()) {
            node = node.child(component)?;
        }
        Some(node)
    }

    /// Finds a node by its label in the source, if dtc was told to keep labels (`/__symbols__`, `dtc -@`).
    #[must_use]
    pub fn by_label(&self, label: &str) -> Option<Node<'_, 'a>> {
        self.find(self.find("/__symbols__")?.prop(label)?.as_str()?)
    }

    /// Finds the first node with this phandle; 0 and -1 are none.
    #[must_use]
    pub fn by_phandle(&self, phandle: u32) -> Option<Node<'_, 'a>> {
        if matches!(phandle, 0 | u32::MAX) {
            return None;
        }
        let id = self.nodes.iter().position(|record| record.phandle == phandle)?;
        Some(self.node(NodeId(id as u32)))
    }

    /// Returns the `#address-cells` and `#size-cells` that are not one word of at most 4, with their nodes.
    /// Readers differ on those, and the `fdt` crate panics.
    pub fn bad_cells(&self) -> impl Iterator<Item = (Node<'_, 'a>, Prop<'a>)> {
        self.nodes().flat_map(|node| {
            node.props()
                .filter(|prop| matches!(prop.name, "#address-cells" | "#size-cells"))
                .filter(|prop| prop.as_u32().is_none_or(|cells| cells > 4))
                .map(move |prop| (node, prop))
        })
    }

    /// Returns the first property of this name of every node that has one, in the order of the blob. Cheaper
    /// than asking node after node.
    pub fn props_named(&self, name: &'static str) -> impl Iterator<Item = (Node<'_, 'a>, Prop<'a>)> {
        let wanted = Wanted::new(self.blob.strings(), name.as_bytes());
        let named = (0u32..).zip(&self.props).filter(move |(_, prop)| wanted.is_at(prop.name));
        let mut last = None;
        named.filter_map(move |(index, prop)| {
            let owner = self.nodes.partition_point(|node| node.first_prop <= index).checked_sub(1)?;
            let is_first = last.replace(owner) != Some(owner);
            is_first.then(|| (self.node(NodeId(owner as u32)), self.prop_named(prop, name.len())))
        })
    }

    /// Finds the first child of a node with this name; one without `@` also matches the first of that base
    /// name.
    pub(super) fn child_named(&self, id: NodeId, name: &str) -> Option<NodeId> {
        let (bytes, whole, name) = (self.blob.bytes(), name.contains('@'), name.as_bytes());
        let end = self.record(id)?.end;
        let mut next = id.0 + 1;
        while next < end {
            let record = self.record(NodeId(next))?;
            if record.is_named(bytes, name, whole) {
                return Some(NodeId(next));
            }
            // A subtree ends after its own root, so this always moves on.
            next = record.end.max(next + 1);
        }
        None
    }

    pub(super) fn record(&self, id: NodeId) -> Option<&NodeRecord> {
        self.nodes.get(id.0 as usize)
    }

    /// Returns the properties of a node, without their names read.
    #[inline]
    pub(super) fn prop_records(&self, id: NodeId) -> &[PropRecord] {
        let mut records = self.nodes.get(id.0 as usize..).unwrap_or_default().iter();
        let Some(record) = records.next() else { return &[] };
        let end = records.next().map_or(self.props.len(), |next| next.first_prop as usize);
        self.props.get(record.first_prop as usize..end).unwrap_or_default()
    }

    /// Returns the bytes of a node and of the siblings after it up to `end`, all with their descendants,
    /// unless a NOP is among or next to them. `end` is where the subtree of one of them ends.
    pub(super) fn siblings_bytes(&self, first: NodeId, end: NodeId) -> Option<&'a [u8]> {
        let record = self.record(first)?;
        // After a subtree, one word closes each node that ends there, and then the next node starts.
        let (next, depth) = match self.record(end) {
            Some(next) => (next.name as usize - 4, next.depth),
            None => (self.blob.struct_end() - 4, 0),
        };
        let bytes = record.name as usize - 4..next;
        let closing = 4 * usize::from(record.depth - depth);
        let free = self.blob.is_free_of_nops(&bytes);
        self.blob.bytes().get(bytes.start..bytes.end - closing).filter(|_| free)
    }

    /// Returns the bytes of a node up to its first child, unless a NOP is among or next to them.
    pub(super) fn head_bytes(&self, id: NodeId) -> Option<&'a [u8]> {
        let child = self.record(NodeId(id.0 + 1))?;
        let bytes = self.record(id)?.name as usize - 4..child.name as usize - 4;
        let free = self.blob.is_free_of_nops(&bytes);
        self.blob.bytes().get(bytes).filter(|_| free)
    }

    /// Returns the value of a property.
    pub(super) fn value(&self, record: &PropRecord) -> &'a [u8] {
        let first = record.value as usize;
        self.blob.bytes().get(first..first + record.len as usize).unwrap_or_default()
    }

    /// Returns whether a property has this name, without measuring its own.
    pub(super) fn is_named(&self, record: &PropRecord, name: &str) -> bool {
        Wanted::new(self.blob.strings(), name.as_bytes()).is_at(record.name)
    }

    /// Returns the first property of this name among those of a node, found without measuring any.
    pub(super) fn find_prop(&self, id: NodeId, name: &str) -> Option<&PropRecord> {
        let wanted = Wanted::new(self.blob.strings(), name.as_bytes());
        self.prop_records(id).iter().find(|record| wanted.is_at(record.name))
    }

    /// Returns a property with its name read.
    pub(super) fn prop(&self, record: &PropRecord) -> Prop<'a> {
        let rest = self.blob.strings().get(record.name as usize..).unwrap_or_default();
        self.prop_named(record, rest.iter().position(|&byte| byte == 0).unwrap_or(0))
    }

    /// Returns a property whose name is known to have `len` bytes.
    pub(super) fn prop_named(&self, record: &PropRecord, len: usize) -> Prop<'a> {
        let at = record.name as usize..record.name as usize + len;
        let name = self.text.get(at.clone()).or_else(|| {
            let name = self.blob.strings().get(at)?;
            core::str::from_utf8(name).ok()
        });
        Prop { name: name.unwrap_or_default(), value: self.value(record) }
    }
}

/// A property's name, looked for in a strings block.
#[derive(Clone, Copy, Default)]
pub(super) struct Wanted<'s, 'n> {
    strings: &'s [u8],
    /// The block from the byte at which the name ends that is at its beginning.
    ends: &'s [u8],
    name: &'n [u8],
}

impl<'s, 'n> Wanted<'s, 'n> {
    pub(super) fn new(strings: &'s [u8], name: &'n [u8]) -> Self {
        Self { strings, ends: strings.get(name.len()..).unwrap_or_default(), name }
    }

    /// Returns whether the NUL-terminated string at offset `at` is the name.
    #[inline]
    pub(super) fn is_at(self, at: u32) -> bool {
        // Length and first byte tell nearly all names apart. Only an empty name ends where it starts.
        self.ends.get(at as usize) == Some(&0)
            && (self.name.is_empty() || self.strings.get(at as usize) == self.name.first())
            && self.strings.get(at as usize..).is_some_and(|own| own.starts_with(self.name))
    }
}

impl core::fmt::Debug for Tree<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Tree({} nodes, {} properties)", self.nodes.len(), self.props.len())
    }
}
