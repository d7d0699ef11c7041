//! The strings block of a blob to be written: the old block, followed by the names that it lacks.

use crate::order;
use alloc::vec::Vec;

use super::FdtError;
use super::index::reserve;

/// The offsets of new properties' names in the strings block.
pub(super) struct Strings<'e> {
    base: &'e [u8],
    /// Sorted by name.
    names: Vec<(&'e str, u32)>,
    /// Size of the whole block in bytes.
    len: u64,
}

impl<'e> Strings<'e> {
    /// Finds each name in `base`, or gives it a place after it. Costs O((names + base) log names).
    pub(super) fn new(base: &'e [u8], mut wanted: Vec<&'e str>) -> Result<Self, FdtError> {
        order::sort(&mut wanted);
        wanted.dedup();
        let mut names: Vec<(&str, Option<u32>)> = reserve(wanted.len())?;
        names.extend(wanted.iter().map(|&name| (name, None)));
        if !names.is_empty() {
            let mut at = 0;
            // What follows the last NUL is not a name.
            for string in base.split_inclusive(|&byte| byte == 0) {
                if let Some(string) = string.strip_suffix(&[0])
                    && let Ok(index) = names.binary_search_by(|(name, _)| name.as_bytes().cmp(string))
                    && let Some((_, offset)) = names.get_mut(index)
                {
                    offset.get_or_insert(at);
                }
                at += string.len() as u32;
            }
        }
        let mut len = base.len() as u64;
        let mut placed = reserve(names.len())?;
        for (name, offset) in names {
            let offset = offset.unwrap_or_else(|| {
                // A block that outgrows 32 bits outgrows every limit, which is checked before writing.
                let offset = len as u32;
                len += name.len() as u64 + 1;
                offset
            });
            placed.push((name, offset));
        }
        Ok(Self { base, names: placed, len })
    }

    /// Returns the size of the block in bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Returns the offset of a name that was asked for.
    pub(super) fn offset(&self, name: &str) -> u32 {
        let index = self.names.binary_search_by(|(known, _)| (*known).cmp(name)).unwrap_or(usize::MAX);
        self.names.get(index).map_or(0, |(_, offset)| *offset)
    }

    /// Appends the block.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.base);
        for (name, offset) in &self.names {
            if *offset as usize >= self.base.len() {
                out.extend_from_slice(name.as_bytes());
                out.push(0);
            }
        }
    }
}
