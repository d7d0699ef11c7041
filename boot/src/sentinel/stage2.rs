//! The sentinel's stage-2 map: every address onto itself, but for holes. 4 KiB granule, root at level 1, up
//! to 16 root tables side by side (DDI 0487, D8.2.2 and D8.3.2).

use crate::paging::{ENTRIES, MapError, PAGE, Table};
use ringfence::span::Span;

#[cfg(test)]
mod tests;

const VALID: u64 = 1;
const TABLE_OR_PAGE: u64 = 1 << 1;
/// Normal write-back memory in both caches, not shareable: what Linux asks for at stage 1 is at least as
/// strict, and the stricter one counts. Device memory here would break write-combined windows of PCI.
const NORMAL: u64 = 0xf << 2;
const READ: u64 = 1 << 6;
const WRITE: u64 = 1 << 7;
const ACCESS_FLAG: u64 = 1 << 10;
const LEAF: u64 = VALID | NORMAL | READ | WRITE | ACCESS_FLAG;
const ADDRESS: u64 = 0x0000_ffff_ffff_f000;

/// Fewest address bits of a map whose root is at level 1.
pub const MIN_BITS: u32 = 31;
/// Most address bits of a map whose root is at level 1.
pub const MAX_BITS: u32 = 43;
/// Address bits of a map at least, where the processor has them: boards have devices up there that no tree
/// names.
const USUAL_BITS: u32 = 40;

/// Returns the address bits of a map that reaches `end`, exclusive, on a processor with `physical` ones.
/// `None` where a root at level 1 is not enough.
#[must_use]
pub fn bits(end: u64, physical: u32) -> Option<u32> {
    let needed = u64::BITS - end.saturating_sub(1).leading_zeros();
    // What the processor cannot address needs no map.
    let bits = needed.max(USUAL_BITS).min(physical).max(MIN_BITS);
    (bits <= MAX_BITS).then_some(bits)
}

/// Returns VTCR_EL2 for a map of `bits` address bits, on a CPU whose ID_AA64MMFR0_EL1.PARange is `range`.
#[must_use]
pub const fn control(bits: u32, range: u64) -> u64 {
    const RES1: u64 = 1 << 31;
    const WALKS_CACHED: u64 = 1 << 8 | 1 << 10 | 3 << 12;
    const FROM_LEVEL_1: u64 = 1 << 6;
    let range = if range & 0xf > 5 { 5 } else { range & 0xf };
    RES1 | WALKS_CACHED | FROM_LEVEL_1 | range << 16 | (64 - bits) as u64
}

/// Returns the root tables of a map of `bits` address bits. Together they are aligned to their size.
#[must_use]
pub const fn roots(bits: u32) -> usize {
    if bits > 39 { 1 << (bits - 39) } else { 1 }
}

/// Returns the tables that a map with `changes` changed spans can need at most.
#[must_use]
pub const fn tables_needed(bits: u32, changes: usize) -> usize {
    // Each end of a span splits a block of level 1 and one of level 2.
    roots(bits) + changes * 4
}

/// What Linux may do with a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Nothing: every access comes to EL2.
    Nothing,
    /// Read, but neither write nor execute.
    Read,
}

impl Grant {
    /// Returns the descriptor of a block of level 1 at address 0.
    const fn leaf(self) -> u64 {
        /// Execute-never, at EL0 and EL1.
        const NEVER: u64 = 2 << 53;
        match self {
            Self::Nothing => 0,
            Self::Read => LEAF & !WRITE | NEVER,
        }
    }
}

const fn shift(level: u32) -> u32 {
    39 - 9 * level
}

/// A map in a pool of tables, the first of which is at `base` and aligned to all root tables.
pub struct Map<'p> {
    pool: &'p mut [Table],
    base: u64,
    used: usize,
    bits: u32,
}

impl<'p> Map<'p> {
    /// Starts with every address mapped, for reading, writing and execution.
    ///
    /// # Errors
    /// [`MapError`] when the pool is too small or off its alignment, or the bits are more than a root at
    /// level 1 can have.
    pub fn everything(pool: &'p mut [Table], base: u64, bits: u32) -> Result<Self, MapError> {
        if !(MIN_BITS..=MAX_BITS).contains(&bits) {
            return Err(MapError::BeyondAddressSize { end: 1 << bits.min(63), bits: MAX_BITS });
        }
        let (len, used) = (pool.len(), roots(bits));
        if !base.is_multiple_of(used as u64 * PAGE) {
            return Err(MapError::Unaligned { base });
        }
        let entries = 1_usize << (bits - shift(1));
        for (number, table) in
            pool.get_mut(..used).ok_or(MapError::OutOfTables { pool: len })?.iter_mut().enumerate()
        {
            for (index, entry) in table.0.iter_mut().enumerate() {
                let at = number * ENTRIES + index;
                *entry = if at < entries { (at as u64) << shift(1) | LEAF } else { 0 };
            }
        }
        Ok(Self { pool, base, used, bits })
    }

    /// Returns the number of tables in use.
    #[must_use]
    pub const fn tables_used(&self) -> usize {
        self.used
    }

    /// Gives Linux no more than `grant` of a span, rounded outward to pages. What is beyond the map is left.
    ///
    /// # Errors
    /// [`MapError::OutOfTables`].
    pub fn restrict(&mut self, span: Span, grant: Grant) -> Result<(), MapError> {
        let Some(span) = span.outward(PAGE) else { return Ok(()) };
        let size = 1_u64 << shift(1);
        let mut at = span.base() & !(size - 1);
        while at < span.end().min(1 << self.bits) {
            self.entry((at >> 39) as usize, at, 1, span, grant)?;
            at += size;
        }
        Ok(())
    }

    /// Changes what is in `span` of the entry for `at`, a multiple of the level's size.
    fn entry(&mut self, table: usize, at: u64, level: u32, span: Span, grant: Grant) -> Result<(), MapError> {
        let size = 1_u64 << shift(level);
        let index = (at >> shift(level)) as usize % ENTRIES;
        let old = self.pool.get(table).and_then(|table| table.0.get(index)).copied().unwrap_or(0);
        // What is gone stays gone.
        if old & VALID == 0 {
            return Ok(());
        }
        let is_leaf = level == 3 || old & TABLE_OR_PAGE == 0;
        let is_whole = span.base() <= at && span.end() - at >= size;
        let new = match () {
            () if is_leaf && is_whole && grant == Grant::Nothing => 0,
            () if is_leaf && is_whole => at | grant.leaf() | old & TABLE_OR_PAGE,
            () if is_leaf => self.split(at, level + 1, old)?,
            () => old,
        };
        if let Some(entry) = self.pool.get_mut(table).and_then(|table| table.0.get_mut(index)) {
            *entry = new;
        }
        if is_leaf && is_whole {
            return Ok(());
        }
        let next = ((new & ADDRESS) - self.base) / PAGE;
        let step = 1_u64 << shift(level + 1);
        let first = span.base().saturating_sub(at) / step;
        let last = ((span.end() - at).min(size) - 1) / step;
        for index in first..=last {
            self.entry(next as usize, at + index * step, level + 1, span, grant)?;
        }
        Ok(())
    }

    /// Makes a table of the level's blocks or pages from `at` on, each as the `old` block was, and returns
    /// the entry that leads there.
    fn split(&mut self, at: u64, level: u32, old: u64) -> Result<u64, MapError> {
        let pool = self.pool.len();
        let table = self.pool.get_mut(self.used).ok_or(MapError::OutOfTables { pool })?;
        let kind = if level == 3 { TABLE_OR_PAGE } else { 0 };
        for (index, entry) in table.0.iter_mut().enumerate() {
            let address = at + ((index as u64) << shift(level));
            *entry = address | old & !ADDRESS | kind;
        }
        let address = self.base + self.used as u64 * PAGE;
        self.used += 1;
        Ok(address | VALID | TABLE_OR_PAGE)
    }
}
