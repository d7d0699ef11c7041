//! What the kernel itself takes before it reads `cma=`.
//!
//! A node in `/reserved-memory` is reserved before anything is allocated, so any free place is good. The
//! command line is acted upon late (`dma_contiguous_reserve()` in `bootmem_init()`, arch/arm64/mm/init.c): by
//! then page tables, the unflattened tree and, up to 7.1, the whole `struct page` array have come from the
//! top of RAM, and a `cma=SIZE@BASE` over any of it only prints "Failed to reserve".

use crate::ledger;
use crate::span::{MIB, Span};
use alloc::vec::Vec;

/// Part of RAM that the kernel may have taken: `struct page` is a 64th of it with 4 KiB pages and a linear
/// map of single pages a 512th; a 32nd leaves room for both.
const SHARE: u64 = 32;
/// Bytes that it may have taken beside that, whatever the RAM.
const FLAT: u64 = 32 * MIB;

/// Returns the address below which a `cma=SIZE@BASE` meets no early allocation of the kernel: the ascending,
/// disjoint `ram` less what is `taken`, counted from the top. `unplaced` bytes are counted in for regions
/// that have no place yet and may get one up there.
#[must_use]
pub fn ceiling(ram: &[Span], taken: impl Iterator<Item = Span>, unplaced: u64) -> u64 {
    let total = ram.iter().fold(0u64, |total, bank| total.saturating_add(bank.len()));
    let taken: Vec<Span> = ledger::union(taken.collect());
    let mut wanted = (total / SHARE + FLAT).saturating_add(unplaced);
    for free in ledger::subtract(ram, &taken).into_iter().rev() {
        if free.len() >= wanted {
            return free.end() - wanted;
        }
        wanted -= free.len();
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::GIB;

    #[test]
    fn reserved_memory_at_the_top_pushes_the_ceiling_down() {
        let ram = [Span::new(GIB, GIB).unwrap()];
        assert_eq!(ceiling(&ram, core::iter::empty(), 0), 2 * GIB - 64 * MIB);
        let top = Span::new(2 * GIB - 16 * MIB, 16 * MIB).unwrap();
        assert_eq!(ceiling(&ram, [top].into_iter(), 0), 2 * GIB - 80 * MIB);
        assert_eq!(ceiling(&ram, ram.into_iter(), 0), 0);
    }
}
