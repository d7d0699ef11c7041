//! Fills tables from a pool.

use super::descriptor::{Access, Regime, address, attributes, is_table, leaf, table};
use super::{ENTRIES, MapError, PAGE, Table};
use ringfence::span::Span;

/// Fewest address bits that a map with its root at level 1 can cover.
const LEAST_BITS: u32 = 31;
/// Most address bits that a map with its root at level 1 can cover.
const LEVEL_1_BITS: u32 = 39;
/// Entries that are emptied at a time.
const CLEARED_AT_A_TIME: usize = 16;

/// Builds one identity map in a pool of tables.
pub struct Builder<'p> {
    pool: &'p mut [Table],
    /// Physical address of the pool's first table.
    base: u64,
    used: usize,
    regime: Regime,
    bits: u32,
    root_level: u32,
    clear: fn(&mut Table, usize),
}

impl<'p> Builder<'p> {
    /// Starts an empty map.
    ///
    /// `base` is the physical address of `pool`, `limit` the highest end address (exclusive) that will be
    /// asked for, `bits` the physical address bits of the CPU; `clear` empties so many entries at the start
    /// of a table, a multiple of 16, when it is taken.
    ///
    /// # Errors
    /// [`MapError::OutOfTables`] when the pool has none, [`MapError::BeyondAddressSize`] for the limit.
    pub fn new(
        pool: &'p mut [Table],
        base: u64,
        limit: u64,
        bits: u32,
        regime: Regime,
        clear: fn(&mut Table, usize),
    ) -> Result<Self, MapError> {
        if limit > 1 << bits {
            return Err(MapError::BeyondAddressSize { end: limit, bits });
        }
        // The map covers no more bits than it needs: below 512 GiB that spares a level, and where the root
        // table then has only a few entries, the rest of it need not even be emptied.
        let needed = (u64::BITS - limit.saturating_sub(1).leading_zeros()).max(LEAST_BITS);
        let root_level = if needed <= LEVEL_1_BITS { 1 } else { 0 };
        let mut builder = Self { pool, base, used: 0, regime, bits: needed, root_level, clear };
        let entries = 1_usize << (needed - shift(root_level));
        builder.take(entries.next_multiple_of(CLEARED_AT_A_TIME))?;
        Ok(builder)
    }

    /// Physical address of the root table.
    #[must_use]
    pub const fn root(&self) -> u64 {
        self.base
    }

    /// Returns the number of address bits that the map covers. `T0SZ` is 64 less this.
    #[must_use]
    pub const fn virtual_bits(&self) -> u32 {
        self.bits
    }

    /// Tables taken from the pool so far.
    #[must_use]
    pub const fn tables_used(&self) -> usize {
        self.used
    }

    /// Maps every page of `span` onto itself.
    ///
    /// # Errors
    /// Any [`MapError`]; the map is then unfinished and must not be used.
    pub fn map(&mut self, span: Span, access: Access) -> Result<(), MapError> {
        if !span.is_aligned(PAGE) {
            return Err(MapError::Unaligned { base: span.base() });
        }
        if span.end() > 1 << self.bits {
            return Err(MapError::BeyondAddressSize { end: span.end(), bits: self.bits });
        }
        let attributes = attributes(self.regime, access);
        let mut at = span.base();
        while at < span.end() {
            at = self.map_run(at, span.end(), attributes)?;
        }
        Ok(())
    }

    /// Maps as many leaves of one size as fit into one table; returns where the next run starts.
    fn map_run(&mut self, start: u64, end: u64, attributes: u64) -> Result<u64, MapError> {
        let (number, level) = self.descend(start, end)?;
        let size = 1_u64 << shift(level);
        let pool = self.pool.len();
        let table = self.pool.get_mut(number).ok_or(MapError::OutOfTables { pool })?;
        let first = index(start, level);
        let count = ((end - start) >> shift(level)).min((ENTRIES - first) as u64);
        let run = table.0.get_mut(first..first + count as usize).unwrap_or_default();
        if !fill(run, leaf(start, level, attributes), size) {
            return Err(MapError::AlreadyMapped { address: start });
        }
        Ok(start + (count << shift(level)))
    }

    /// Finds the table in which `[at, end)` can start with the largest leaf, making tables on the way.
    fn descend(&mut self, at: u64, end: u64) -> Result<(usize, u32), MapError> {
        let pool = self.pool.len();
        let mut number = 0;
        let mut level = self.root_level;
        loop {
            let size = 1_u64 << shift(level);
            if level == 3 || (level > 0 && at & (size - 1) == 0 && end - at >= size) {
                // A table in the way of a block is found by the caller, as an entry that is not empty.
                return Ok((number, level));
            }
            let slot = index(at, level);
            let entry = self.pool.get(number).and_then(|t| t.0.get(slot)).copied().unwrap_or(0);
            number = if entry == 0 {
                let next = self.take(ENTRIES)?;
                let descriptor = table(self.base + next as u64 * PAGE);
                if let Some(place) = self.pool.get_mut(number).and_then(|t| t.0.get_mut(slot)) {
                    *place = descriptor;
                }
                next
            } else if is_table(entry) {
                ((address(entry) - self.base) / PAGE) as usize
            } else {
                return Err(MapError::AlreadyMapped { address: at });
            };
            if number >= pool {
                return Err(MapError::OutOfTables { pool });
            }
            level += 1;
        }
    }

    fn take(&mut self, entries: usize) -> Result<usize, MapError> {
        let number = self.used;
        let pool = self.pool.len();
        let table = self.pool.get_mut(number).ok_or(MapError::OutOfTables { pool })?;
        (self.clear)(table, entries);
        self.used += 1;
        Ok(number)
    }

    /// Walks the map as the MMU does and returns the leaf descriptor for `at`, or `None` where an access
    /// faults.
    #[must_use]
    pub fn walk(&self, at: u64) -> Option<u64> {
        if at >> self.bits != 0 {
            return None;
        }
        let mut number = 0;
        let mut level = self.root_level;
        loop {
            let entry = *self.pool.get(number)?.0.get(index(at, level))?;
            if entry & 1 == 0 {
                return None;
            }
            if level == 3 || !is_table(entry) {
                return Some(entry);
            }
            number = ((address(entry) - self.base) / PAGE) as usize;
            level += 1;
        }
    }
}

/// Writes descriptors `step` apart; returns whether all of the entries were empty.
fn fill(run: &mut [u64], mut descriptor: u64, step: u64) -> bool {
    let mut taken = 0;
    // Runs of hundreds of pages are common, so the loop does nothing but look and write, eight at a time.
    let (eights, rest) = run.as_chunks_mut();
    for eight in eights {
        let [a, b, c, d, e, f, g, h] = *eight;
        taken |= a | b | c | d | e | f | g | h;
        let at = |nth: u64| descriptor.wrapping_add(step.wrapping_mul(nth));
        *eight = [at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)];
        descriptor = at(8);
    }
    for entry in rest {
        taken |= *entry;
        *entry = descriptor;
        descriptor = descriptor.wrapping_add(step);
    }
    taken == 0
}

/// Returns the number of address bits below the index of `level`.
#[inline]
const fn shift(level: u32) -> u32 {
    39 - 9 * level
}

const fn index(at: u64, level: u32) -> usize {
    (at >> shift(level)) as usize % ENTRIES
}
