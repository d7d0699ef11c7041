//! Writes tokens, or only counts their bytes. Both use the same code, so that the count is exact.

use alloc::vec::Vec;

use super::header;
use super::index::reserve;
use super::strings::Strings;
use super::token::{BEGIN_NODE, END, END_NODE, PROP};
use super::{FdtError, MAGIC, NewNode};

/// Takes bytes.
pub(super) trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

/// A sink that counts.
#[derive(Default)]
pub(super) struct Count(pub(super) u64);

impl Sink for Count {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len() as u64;
    }
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

const ZEROS: [u8; 4] = [0; 4];

/// Writes the structure block into a sink.
pub(super) struct Emitter<'s, S> {
    pub(super) sink: &'s mut S,
    pub(super) strings: &'s Strings<'s>,
}

impl<S: Sink> Emitter<'_, S> {
    /// Starts a node.
    pub(super) fn begin(&mut self, name: &[u8]) {
        self.sink.put(&BEGIN_NODE.to_be_bytes());
        self.sink.put(name);
        // The NUL and the padding.
        self.sink.put(ZEROS.get(name.len() % 4..).unwrap_or_default());
    }

    /// Ends the innermost open node.
    pub(super) fn end_node(&mut self) {
        self.sink.put(&END_NODE.to_be_bytes());
    }

    /// Ends the structure block.
    pub(super) fn end(&mut self) {
        self.sink.put(&END.to_be_bytes());
    }

    /// Writes a property whose name is at offset `name` of the strings block.
    pub(super) fn prop(&mut self, name: u32, value: &[u8]) {
        let [p0, p1, p2, p3] = PROP.to_be_bytes();
        // Longer values are refused with the blob that would hold them.
        let [l0, l1, l2, l3] = (value.len() as u32).to_be_bytes();
        let [n0, n1, n2, n3] = name.to_be_bytes();
        self.sink.put(&[p0, p1, p2, p3, l0, l1, l2, l3, n0, n1, n2, n3]);
        self.sink.put(value);
        self.sink.put(ZEROS.get(..value.len().wrapping_neg() % 4).unwrap_or_default());
    }

    /// Writes a new node with its descendants, whose nesting has been checked.
    pub(super) fn new_node(&mut self, node: &NewNode) {
        self.begin(node.name.as_bytes());
        for (name, value) in &node.props {
            self.prop(self.strings.offset(name), value);
        }
        for child in &node.children {
            self.new_node(child);
        }
        self.end_node();
    }
}

/// The layout of a blob to be written: header, memory reserve list, gap (if any), structure block, strings.
pub(super) struct Layout {
    /// Unused bytes before the structure block, a multiple of 4.
    pub(super) gap: u64,
    /// Size of the structure block in bytes.
    pub(super) struct_len: u64,
    /// Entries of the memory reserve list, without the one that ends it.
    pub(super) reserve_count: usize,
}

impl Layout {
    /// Returns where the structure block starts.
    pub(super) fn struct_offset(&self) -> u64 {
        header::LEN as u64 + (self.reserve_count as u64 + 1) * 16 + self.gap
    }

    /// Reserves the whole blob and writes everything before the structure block.
    pub(super) fn start(
        &self,
        strings: &Strings<'_>,
        boot_cpu: u32,
        memreserve: impl Iterator<Item = (u64, u64)>,
        limit: usize,
    ) -> Result<Vec<u8>, FdtError> {
        let off_struct = self.struct_offset();
        let off_strings = off_struct + self.struct_len;
        let total = off_strings + strings.len();
        let limit = limit.min(u32::MAX as usize);
        if total > limit as u64 {
            return Err(FdtError::TooLarge { size: total, limit });
        }
        let mut out = reserve(total as usize)?;
        let words = [
            MAGIC,
            total as u32,
            off_struct as u32,
            off_strings as u32,
            header::LEN as u32,
            17,
            16,
            boot_cpu,
            strings.len() as u32,
            self.struct_len as u32,
        ];
        for word in words {
            out.put(&word.to_be_bytes());
        }
        for (base, size) in memreserve.chain([(0, 0)]) {
            out.put(&base.to_be_bytes());
            out.put(&size.to_be_bytes());
        }
        out.resize(off_struct as usize, 0);
        Ok(out)
    }
}
