//! The tables of a tree, filled while its blob is checked.

use alloc::vec::Vec;

use super::FdtError;
use super::blob::Sink;
use super::header::be32;
use super::tree::{NodeRecord, PropRecord, Wanted};

/// Bytes of a structure block for a node, and for a property: fewer than in the trees of boards, whose tables
/// so seldom grow.
const NODE_BYTES: usize = 80;
const PROP_BYTES: usize = 24;
/// Most bytes of a structure block by which the tables are made: a bundle's may hold a kernel.
const GUESSED: usize = 64 << 10;

/// The tables, and the place in the tree that the walk has come to.
#[derive(Default)]
pub(super) struct Index<'a> {
    pub(super) nodes: Vec<NodeRecord>,
    pub(super) props: Vec<PropRecord>,
    bytes: &'a [u8],
    phandle: Wanted<'a, 'static>,
    /// `linux,phandle` is the old name and counts only where there is no `phandle`.
    old_name: Wanted<'a, 'static>,
    /// Index of the innermost open node.
    open: u32,
    depth: u16,
    /// The last node has its phandle by the old name.
    old_phandle: bool,
}

impl<'a> Sink<'a> for Index<'a> {
    fn start(&mut self, bytes: &'a [u8], strings: &'a [u8], len: usize) -> Result<(), FdtError> {
        self.bytes = bytes;
        (self.phandle, self.old_name) =
            (Wanted::new(strings, b"phandle"), Wanted::new(strings, b"linux,phandle"));
        let len = len.min(GUESSED);
        (self.nodes, self.props) = (reserve(len / NODE_BYTES)?, reserve(len / PROP_BYTES)?);
        Ok(())
    }

    #[inline(always)]
    fn begin(&mut self, name: u32, len: u32) -> Result<(), FdtError> {
        let id = self.nodes.len() as u32;
        let record = NodeRecord {
            name,
            name_len: len as u16,
            depth: self.depth,
            parent: self.open,
            end: 0,
            first_prop: self.props.len() as u32,
            phandle: 0,
        };
        push(&mut self.nodes, record)?;
        self.open = id;
        self.depth += 1;
        self.old_phandle = false;
        Ok(())
    }

    #[inline(always)]
    fn prop(&mut self, record: PropRecord) -> Result<(), FdtError> {
        push(&mut self.props, record)?;
        if record.len == 4 {
            let new = self.phandle.is_at(record.name);
            if (new || self.old_name.is_at(record.name))
                && let Some(node) = self.nodes.last_mut()
                && (node.phandle == 0 || (new && self.old_phandle))
            {
                node.phandle = be32(self.bytes, record.value as usize).unwrap_or(0);
                self.old_phandle = !new;
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn end(&mut self) {
        let end = self.nodes.len() as u32;
        if let Some(record) = self.nodes.get_mut(self.open as usize) {
            record.end = end;
            self.open = record.parent;
        }
        self.depth = self.depth.saturating_sub(1);
    }
}

/// Appends to a table, which grows by doubling.
#[inline(always)]
fn push<T>(table: &mut Vec<T>, record: T) -> Result<(), FdtError> {
    if table.len() == table.capacity() {
        grow(table)?;
    }
    table.push(record);
    Ok(())
}

#[cold]
#[inline(never)]
fn grow<T>(table: &mut Vec<T>) -> Result<(), FdtError> {
    let bytes = table.len().saturating_mul(2 * size_of::<T>());
    table.try_reserve(1).map_err(|_| FdtError::OutOfMemory { bytes })
}

/// Returns an empty vector with room for exactly `count` elements.
pub(super) fn reserve<T>(count: usize) -> Result<Vec<T>, FdtError> {
    let mut vec = Vec::new();
    vec.try_reserve_exact(count)
        .map_err(|_| FdtError::OutOfMemory { bytes: count.saturating_mul(size_of::<T>()) })?;
    Ok(vec)
}
