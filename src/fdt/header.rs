//! Reads and checks the fixed header of a blob.

use super::{Block, FdtError, MAGIC};
use crate::span::Span;

/// Bytes of a header of version 17; also the offset of the first block in what is written here.
pub(super) const LEN: usize = 40;
/// Bytes of a header of version 16, which has no `size_dt_struct`.
const LEN_V16: usize = 36;

/// The fields of a header, in its order, checked for magic, version and size only.
#[derive(Clone, Copy)]
pub(super) struct Header {
    pub(super) total: u32,
    pub(super) off_struct: u32,
    pub(super) off_strings: u32,
    pub(super) off_reserve: u32,
    pub(super) version: u32,
    pub(super) boot_cpu: u32,
    pub(super) size_strings: u32,
    /// Absent before version 17.
    pub(super) size_struct: Option<u32>,
}

/// Reads the big-endian word at `at`.
#[inline]
pub(super) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_be_bytes(*word))
}

/// Reads the big-endian double word at `at`.
pub(super) fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|word| u64::from_be_bytes(*word))
}

/// Returns the size that the header of a device tree states, in bytes, with nothing else checked. `None`
/// where `bytes` do not begin as one.
#[must_use]
pub fn stated_len(bytes: &[u8]) -> Option<usize> {
    let len = be32(bytes, 4).filter(|_| be32(bytes, 0) == Some(MAGIC))? as usize;
    (len >= 8).then_some(len)
}

impl Header {
    /// Reads the header and checks that `totalsize` is in `limit` and in `bytes`.
    pub(super) fn read(bytes: &[u8], limit: usize) -> Result<Self, FdtError> {
        let too_short = || FdtError::TooShort { have: bytes.len(), need: LEN_V16 };
        let field = |index: usize| be32(bytes, index * 4).ok_or_else(too_short);
        let found = field(0)?;
        if found != MAGIC {
            return Err(FdtError::BadMagic { found });
        }
        let (version, last_compatible) = (field(5)?, field(6)?);
        if version < 16 || last_compatible > 17 || last_compatible > version {
            return Err(FdtError::BadVersion { version, last_compatible });
        }
        let header = Self {
            total: field(1)?,
            off_struct: field(2)?,
            off_strings: field(3)?,
            off_reserve: field(4)?,
            version,
            boot_cpu: field(7)?,
            size_strings: field(8)?,
            size_struct: if version >= 17 { Some(field(9)?) } else { None },
        };
        if header.total as usize > limit {
            return Err(FdtError::TooLarge { size: header.total.into(), limit });
        }
        if header.total as usize > bytes.len() {
            return Err(FdtError::Truncated { total: header.total, have: bytes.len() });
        }
        if (header.total as usize) < header.len() {
            return Err(FdtError::TooShort { have: header.total as usize, need: header.len() });
        }
        header.aligned(Block::Reserve, header.off_reserve, 8)?;
        header.aligned(Block::Struct, header.off_struct, 4)?;
        header.inside(Block::Reserve, header.off_reserve, 0)?;
        header.inside(Block::Struct, header.off_struct, header.size_struct.unwrap_or(0))?;
        header.inside(Block::Strings, header.off_strings, header.size_strings)?;
        Ok(header)
    }

    /// Returns the length of this version's header in bytes.
    pub(super) fn len(&self) -> usize {
        if self.size_struct.is_some() { LEN } else { LEN_V16 }
    }

    /// Returns the upper bound of the structure block, exclusive. In version 16, which has no size field,
    /// that is the next block or the end of the blob.
    pub(super) fn struct_bound(&self) -> usize {
        let bound = match self.size_struct {
            Some(size) => self.off_struct.saturating_add(size),
            None => [self.off_strings, self.off_reserve]
                .into_iter()
                .filter(|&offset| offset > self.off_struct)
                .fold(self.total, u32::min),
        };
        bound as usize
    }

    fn aligned(&self, block: Block, offset: u32, align: u32) -> Result<(), FdtError> {
        if offset.is_multiple_of(align) {
            Ok(())
        } else {
            Err(FdtError::BlockUnaligned { block, offset, align })
        }
    }

    fn inside(&self, block: Block, offset: u32, size: u32) -> Result<(), FdtError> {
        match offset.checked_add(size) {
            Some(end) if end <= self.total => Ok(()),
            _ => Err(FdtError::BlockOutside { block, offset, size }),
        }
    }

    /// Checks that header and blocks share no byte, given the ends that reading them has shown.
    pub(super) fn check_overlap(&self, reserve_end: usize, struct_end: usize) -> Result<(), FdtError> {
        let ends = |base: u32, end: usize| Span::from_ends(base.into(), end as u64);
        let blocks = [
            (Block::Header, ends(0, self.len())),
            (Block::Reserve, ends(self.off_reserve, reserve_end)),
            (Block::Struct, ends(self.off_struct, struct_end)),
            (Block::Strings, Span::new(self.off_strings.into(), self.size_strings.into())),
        ];
        for (index, &(first, one)) in blocks.iter().enumerate() {
            for &(second, other) in blocks.iter().skip(index + 1) {
                let shared = one.zip(other).and_then(|(one, other)| one.intersection(other));
                if let Some(shared) = shared {
                    return Err(FdtError::BlockOverlap { first, second, offset: shared.base() });
                }
            }
        }
        Ok(())
    }
}
