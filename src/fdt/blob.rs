//! Checks a blob in one pass. Later readers rely on what it accepts.

use super::header::{Header, be64};
use super::token::{Token, Tokens, Word, Words, all_names, measure};
use super::tree::PropRecord;
use super::{FdtError, MAX_DEPTH, MAX_SIZE, NameFault};
use core::ops::Range;

/// Takes the nodes and properties that the check passes, in the order of the blob, before it is known whether
/// the rest is sound.
pub(super) trait Sink<'a> {
    /// Takes the blob, its strings block, and the most bytes that its structure block may have, before
    /// anything else.
    fn start(&mut self, bytes: &'a [u8], strings: &'a [u8], len: usize) -> Result<(), FdtError>;
    /// A node starts: the offset of its name in the blob, and its length in bytes.
    fn begin(&mut self, name: u32, len: u32) -> Result<(), FdtError>;
    /// The innermost open node has a property.
    fn prop(&mut self, record: PropRecord) -> Result<(), FdtError>;
    /// The innermost open node ends.
    fn end(&mut self);
}

/// Takes nothing.
impl<'a> Sink<'a> for () {
    #[inline]
    fn start(&mut self, _: &'a [u8], _: &'a [u8], _: usize) -> Result<(), FdtError> {
        Ok(())
    }

    #[inline]
    fn begin(&mut self, _: u32, _: u32) -> Result<(), FdtError> {
        Ok(())
    }

    #[inline]
    fn prop(&mut self, _: PropRecord) -> Result<(), FdtError> {
        Ok(())
    }

    #[inline]
    fn end(&mut self) {}
}

/// A flattened device tree whose structure has been checked.
#[derive(Clone, Copy)]
pub struct Blob<'a> {
    bytes: &'a [u8],
    header: Header,
    limit: usize,
    struct_end: u32,
    reserve_count: u32,
    nodes: u32,
    props: u32,
    nops: Option<(usize, usize)>,
}

impl<'a> Blob<'a> {
    /// Checks the structure of a DTB of at most [`MAX_SIZE`] bytes.
    ///
    /// `bytes` may be longer than the blob's `totalsize`; the rest is not read. Costs one pass,
    /// linear in the size of the blob, and no memory. Values are passed over by their length.
    ///
    /// # Errors
    /// The first fault of the structure, with its offset.
    pub fn check(bytes: &'a [u8]) -> Result<Self, FdtError> {
        Self::check_with_limit(bytes, MAX_SIZE)
    }

    /// Checks as [`Blob::check`] does, but allows a `totalsize` of up to `limit` bytes, inclusive: a FIT
    /// image is a flattened tree that holds a whole kernel.
    ///
    /// # Errors
    /// The first fault of the structure, with its offset.
    pub fn check_with_limit(bytes: &'a [u8], limit: usize) -> Result<Self, FdtError> {
        Self::check_into(bytes, limit, &mut ())
    }

    /// Checks as [`Blob::check_with_limit`] does and hands all nodes and properties to `sink`.
    ///
    /// # Errors
    /// The first fault of the structure, or the sink's.
    pub(super) fn check_into(
        bytes: &'a [u8],
        limit: usize,
        sink: &mut impl Sink<'a>,
    ) -> Result<Self, FdtError> {
        let header = Header::read(bytes, limit)?;
        let bytes = bytes.get(..header.total as usize).unwrap_or_default();
        let reserve_count = count_reserve(bytes, header.off_reserve as usize)?;
        let mut blob =
            Self { bytes, header, limit, struct_end: 0, reserve_count, nodes: 0, props: 0, nops: None };
        let struct_end = blob.walk(sink)?;
        let reserve_end = header.off_reserve as usize + (reserve_count as usize + 1) * 16;
        header.check_overlap(reserve_end, struct_end)?;
        Ok(blob)
    }

    /// Walks all tokens once; returns the end of the structure block, exclusive.
    fn walk(&mut self, sink: &mut impl Sink<'a>) -> Result<usize, FdtError> {
        let len = self.header.struct_bound().saturating_sub(self.header.off_struct as usize);
        sink.start(self.bytes, self.strings(), len)?;
        match Words::of(self.bytes.get(..self.header.struct_bound()).unwrap_or_default()) {
            Words::Aligned(words) => self.walk_words(words, sink),
            Words::Bytes(words) => self.walk_words(words, sink),
        }
    }

    fn walk_words<W: Word>(&mut self, words: &[W], sink: &mut impl Sink<'a>) -> Result<usize, FdtError> {
        let strings = self.strings();
        let all_names = all_names(strings);
        let mut tokens = Tokens::new(words, self.header.off_struct as usize);
        let mut depth = 0;
        // Properties are legal from the start of a node to its first child.
        let mut in_props = false;
        loop {
            let (offset, token) = tokens.next()?;
            match token {
                Token::Begin { name, len } => {
                    if depth == 0 && self.nodes > 0 {
                        return Err(FdtError::SecondRoot { offset });
                    }
                    if (len == 0) != (depth == 0) {
                        let fault = if depth == 0 { NameFault::NamedRoot } else { NameFault::Empty };
                        return Err(FdtError::BadNodeName { offset: name as usize, fault });
                    }
                    depth += 1;
                    if depth > MAX_DEPTH {
                        return Err(FdtError::TooDeep { offset });
                    }
                    self.nodes += 1;
                    in_props = true;
                    sink.begin(name, len)?;
                }
                Token::EndNode => {
                    if depth == 0 {
                        return Err(FdtError::UnbalancedEnd { offset });
                    }
                    depth -= 1;
                    in_props = false;
                    sink.end();
                }
                Token::Prop { name, value, len } => {
                    if !in_props {
                        return Err(FdtError::PropMisplaced { offset });
                    }
                    self.props += 1;
                    let first = strings.get(name as usize);
                    if !(all_names && first.is_some_and(|&byte| byte != 0)) {
                        match measure(strings, name as usize, true) {
                            Ok(0) => return Err(FdtError::BadPropName { offset, fault: NameFault::Empty }),
                            Ok(_) => {}
                            Err(fault) => return Err(FdtError::BadPropName { offset, fault }),
                        }
                    }
                    sink.prop(PropRecord { name, value, len })?;
                }
                Token::End if depth > 0 => return Err(FdtError::Unclosed { offset, open: depth }),
                Token::End if self.nodes == 0 => return Err(FdtError::NoRoot),
                // What follows it in the block is read by no one (fdt_next_tag in scripts/dtc/libfdt).
                Token::End => break,
            }
        }
        self.struct_end = tokens.at() as u32;
        self.nops = tokens.nops();
        Ok(tokens.at())
    }

    /// Returns the blob, cut to its `totalsize`.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Physical id of the boot CPU, as the header has it.
    #[must_use]
    pub fn boot_cpu(&self) -> u32 {
        self.header.boot_cpu
    }

    /// Version of the format: 16, 17, or later if version 17 can read it.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.header.version
    }

    /// Returns whether the tree has `FDT_NOP` tokens, which libfdt and U-Boot leave when they delete.
    #[must_use]
    pub fn has_nops(&self) -> bool {
        self.nops.is_some()
    }

    /// Returns whether no NOP is among these bytes of the structure block.
    pub(super) fn is_free_of_nops(&self, bytes: &Range<usize>) -> bool {
        self.nops.is_none_or(|(first, last)| bytes.end <= first || last < bytes.start)
    }

    /// Returns the number of nodes, the root included.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.nodes as usize
    }

    /// Returns the number of properties of all nodes.
    #[must_use]
    pub fn prop_count(&self) -> usize {
        self.props as usize
    }

    /// Returns the largest size in bytes, inclusive, that this blob and a rewrite of it may have.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Returns the entries of the memory reserve list, `(base, size)` in bytes, up to the first of size 0
    /// (exclusive).
    pub fn memreserve(&self) -> impl Iterator<Item = (u64, u64)> + use<'a> {
        let first = self.header.off_reserve as usize;
        let count = self.reserve_count as usize;
        let list = self.bytes.get(first..first + count * 16).unwrap_or_default();
        list.chunks_exact(16).filter_map(|entry| Some((be64(entry, 0)?, be64(entry, 8)?)))
    }

    /// Returns the strings block.
    pub(super) fn strings(&self) -> &'a [u8] {
        let first = self.header.off_strings as usize;
        self.bytes.get(first..first + self.header.size_strings as usize).unwrap_or_default()
    }

    /// Returns the end of the structure block, exclusive.
    pub(super) fn struct_end(&self) -> usize {
        self.struct_end as usize
    }
}

/// Counts the memory reserve entries before the first one of size 0. Linux stops there too, whatever that
/// entry's address is (`early_init_fdt_scan_reserved_mem`, drivers/of/fdt.c).
fn count_reserve(bytes: &[u8], first: usize) -> Result<u32, FdtError> {
    let list = bytes.get(first..).unwrap_or_default();
    let mut count = 0;
    for entry in list.chunks_exact(16) {
        if be64(entry, 8) == Some(0) {
            return Ok(count);
        }
        count += 1;
    }
    Err(FdtError::ReserveUnterminated { offset: first + count as usize * 16 })
}

impl core::fmt::Debug for Blob<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Blob({} bytes, {} nodes, {} properties)", self.bytes.len(), self.nodes, self.props)
    }
}
