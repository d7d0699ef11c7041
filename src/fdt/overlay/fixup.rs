//! Adapts the overlay to the base: its own phandles, and its references to nodes of the base.

use alloc::vec::Vec;

use super::error::{Fail, OverlayFault};
use super::index::{Index, cut};
use super::map::Map;
use super::{depth_below, end};
use crate::fdt::header::be32;
use crate::fdt::index::reserve;
use crate::fdt::tree::{PropRecord, Tree};
use crate::fdt::{FdtError, NodeId, Prop};

/// An overlay and a copy of its bytes, in which values are patched. Lengths and names stay, so offsets of the
/// tree are valid for the copy.
pub(super) struct Patched<'t> {
    pub(super) index: Index<'t>,
    bytes: Vec<u8>,
}

/// How local references change.
#[derive(Clone, Copy)]
enum Change<'m, 'n> {
    /// They grow by this much.
    Add(u32),
    /// They are replaced as the map says; the others stay.
    Replace(&'m Map<'n>),
}

impl<'t> Patched<'t> {
    pub(super) fn new(tree: &'t Tree<'t>) -> Result<Self, FdtError> {
        let original = tree.blob().bytes();
        let mut bytes = reserve(original.len())?;
        bytes.extend_from_slice(original);
        Ok(Self { index: Index::new(tree), bytes })
    }

    /// Returns the value of a property as it is now.
    pub(super) fn value(&self, record: &PropRecord) -> &[u8] {
        let rest = self.bytes.get(record.value as usize..).unwrap_or_default();
        rest.get(..record.len as usize).unwrap_or_default()
    }

    /// Returns the word at byte `at` of a value; need not be aligned.
    #[inline(never)]
    pub(super) fn word(&mut self, record: &PropRecord, at: u32) -> Option<&mut [u8; 4]> {
        if at.checked_add(4)? > record.len {
            return None;
        }
        self.bytes.get_mut(record.value.checked_add(at)? as usize..)?.first_chunk_mut()
    }

    /// Moves the overlay's phandles, and its references to them, above `highest`.
    pub(super) fn renumber(&mut self, highest: u32) -> Result<(), Fail<'t>> {
        let tree = self.index.tree;
        for node in 0..end(tree, 0) {
            for record in tree.prop_records(NodeId(node)) {
                if !is_phandle(tree, record) {
                    continue;
                }
                let fail = |fault| Fail::new(fault, node, tree.prop(record).name);
                let Some(word) = self.word(record, 0).filter(|_| record.len == 4) else {
                    return Err(fail(OverlayFault::BadPhandle));
                };
                let own = u32::from_be_bytes(*word);
                if own.wrapping_add(1) <= 1 {
                    return Err(fail(OverlayFault::BadPhandle));
                }
                match own.checked_add(highest) {
                    Some(moved) if moved != u32::MAX => *word = moved.to_be_bytes(),
                    _ => return Err(fail(OverlayFault::PhandleOverflow)),
                }
            }
        }
        self.local_references(Change::Add(highest))
    }

    /// Redirects references to nodes of the base that keep their phandle.
    pub(super) fn restore_references(&mut self, kept: &Map<'_>) -> Result<(), Fail<'t>> {
        self.local_references(Change::Replace(kept))
    }

    /// Changes every word that `/__local_fixups__` names: a mirror of the overlay, in which each property
    /// lists the offsets of the references in its twin.
    #[inline(never)]
    fn local_references(&mut self, change: Change<'_, '_>) -> Result<(), Fail<'t>> {
        let tree = self.index.tree;
        let Some(top) = self.index.child(0, "__local_fixups__") else { return Ok(()) };
        // The twins of the node at hand and of those above it.
        let mut twins: Vec<u32> = Vec::new();
        for node in top..end(tree, top) {
            twins.truncate(depth_below(tree, node, top));
            let twin = match twins.last() {
                None => Some(0),
                Some(&parent) => self.index.child(parent, tree.node(NodeId(node)).name()),
            };
            let fail = |name| Fail::new(OverlayFault::BadLocalFixup, node, name);
            let twin = twin.ok_or_else(|| fail(""))?;
            twins.push(twin);
            for record in tree.prop_records(NodeId(node)) {
                let offsets = tree.prop(record);
                if self.change_all(twin, offsets, change).is_none() {
                    return Err(fail(offsets.name));
                }
            }
        }
        Ok(())
    }

    /// Changes the references in one property of `node`, at each of the offsets.
    fn change_all(&mut self, node: u32, offsets: Prop<'t>, change: Change<'_, '_>) -> Option<()> {
        let (record, _) = self.index.prop(node, offsets.name)?;
        let mut at = 0;
        while at < offsets.value.len() {
            let word = self.word(&record, be32(offsets.value, at)?)?;
            let old = u32::from_be_bytes(*word);
            let new = match change {
                Change::Add(highest) => old.checked_add(highest)?,
                Change::Replace(kept) => kept.get(old, "").unwrap_or(old),
            };
            *word = new.to_be_bytes();
            at += 4;
        }
        Some(())
    }

    /// Writes the phandles of the base's nodes to the places in `/__fixups__`: each property is a label, its
    /// value a list of places, each written `path:property:offset`.
    pub(super) fn resolve_labels(&mut self, base: &mut Index<'_>) -> Result<(), Fail<'t>> {
        let Some(fixups) = self.index.child(0, "__fixups__") else { return Ok(()) };
        let tree = self.index.tree;
        for record in tree.prop_records(NodeId(fixups)) {
            let prop = tree.prop(record);
            let fail = |fault| Fail::new(fault, fixups, prop.name);
            let phandle = labelled(base, prop.name).map_err(fail)?.to_be_bytes();
            let mut rest = core::str::from_utf8(prop.value).unwrap_or_default();
            if !rest.ends_with('\0') {
                return Err(fail(OverlayFault::BadFixup));
            }
            while !rest.is_empty() {
                let (place, others) = cut(rest, 0);
                rest = others;
                *self.place(place).ok_or_else(|| fail(OverlayFault::BadFixup))? = phandle;
            }
        }
        Ok(())
    }

    /// Returns the word at `path:property:offset`.
    fn place(&mut self, place: &str) -> Option<&mut [u8; 4]> {
        let (path, rest) = cut(place, b':');
        let (name, offset) = cut(rest, b':');
        let node = self.index.find(path)?;
        let (record, _) = self.index.prop(node, name)?;
        self.word(&record, offset.parse().ok()?)
    }
}

/// Returns the phandle of the base's node with this label.
fn labelled(base: &mut Index<'_>, label: &str) -> Result<u32, OverlayFault> {
    let symbols = base.child(0, "__symbols__").ok_or(OverlayFault::NoSymbols)?;
    let (_, path) = base.prop(symbols, label).ok_or(OverlayFault::UnknownLabel)?;
    let node = path.as_str().and_then(|path| base.find(path)).ok_or(OverlayFault::LostLabel)?;
    base.tree.node(NodeId(node)).phandle().ok_or(OverlayFault::NoPhandle)
}

/// Returns whether a property is a phandle, by its new or its old name.
#[inline(never)]
pub(super) fn is_phandle(tree: &Tree<'_>, record: &PropRecord) -> bool {
    tree.is_named(record, "phandle") || tree.is_named(record, "linux,phandle")
}
