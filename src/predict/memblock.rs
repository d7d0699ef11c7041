//! memblock: the kernel's first allocator, as sets of spans (mm/memblock.c).

use crate::ledger::subtract;
use crate::ledger::{self, Coverage, Direction};
use crate::span::Span;
use alloc::vec::Vec;

/// Memory as the kernel sees it before its page allocator runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memblock {
    memory: Vec<Span>,
    no_map: Vec<Span>,
    reserved: Vec<Span>,
}

impl Memblock {
    /// Start with this RAM, ascending and disjoint.
    #[must_use]
    pub fn new(ram: &[Span]) -> Self {
        Self { memory: ram.to_vec(), no_map: Vec::new(), reserved: Vec::new() }
    }

    /// RAM: ascending and disjoint.
    #[must_use]
    pub fn memory(&self) -> &[Span] {
        &self.memory
    }

    /// RAM that is not mapped: ascending and disjoint.
    #[must_use]
    pub fn no_map(&self) -> &[Span] {
        &self.no_map
    }

    /// What is reserved, mapped or not, RAM or not: ascending and disjoint.
    #[must_use]
    pub fn reserved(&self) -> &[Span] {
        &self.reserved
    }

    /// The end of RAM, exclusive; 0 without RAM.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.memory.last().map_or(0, |span| span.end())
    }

    pub(super) fn add(&mut self, span: Span) {
        self.memory.push(span);
        self.memory = ledger::union(core::mem::take(&mut self.memory));
    }

    pub(super) fn reserve(&mut self, span: Span) {
        self.reserved.push(span);
        self.reserved = ledger::union(core::mem::take(&mut self.reserved));
    }

    pub(super) fn free(&mut self, span: Span) {
        self.reserved = subtract(&self.reserved, &[span]);
    }

    /// Mark what of `span` is RAM as not to be mapped.
    pub(super) fn mark_no_map(&mut self, span: Span) {
        let ram = self.memory.iter().filter_map(|bank| bank.intersection(span));
        self.no_map = ledger::union(self.no_map.iter().copied().chain(ram).collect());
    }

    pub(super) fn clear_no_map(&mut self, span: Span) {
        self.no_map = subtract(&self.no_map, &[span]);
    }

    /// Tell whether any byte of `span` is reserved.
    #[must_use]
    pub fn is_reserved(&self, span: Span) -> bool {
        ledger::coverage(&self.reserved, span) != Coverage::None
    }

    /// Tell whether any byte of `span` is RAM.
    #[must_use]
    pub fn is_memory(&self, span: Span) -> bool {
        ledger::coverage(&self.memory, span) != Coverage::None
    }

    /// Find `size` free bytes in `[start, end)`: in the free pieces from the end that `direction` names, with the
    /// base masked by `align - 1` even where `align` is no power of two
    /// (`memblock_find_in_range_node`, `__memblock_find_range_top_down`).
    #[must_use]
    pub fn find(&self, size: u64, align: u64, start: u64, end: u64, direction: Direction) -> Option<Span> {
        let window = Span::from_ends(start, end)?;
        let taken = ledger::union(self.reserved.iter().chain(&self.no_map).copied().collect());
        let free = subtract(&self.memory, &taken);
        let pieces = free.iter().filter_map(|piece| piece.intersection(window));
        let mask = align.max(1) - 1;
        let fit = |piece: Span| {
            let base = match direction {
                Direction::TopDown => piece.end().checked_sub(size)? & !mask,
                Direction::BottomUp => piece.base().checked_add(mask)? & !mask,
            };
            Span::new(base, size).filter(|found| piece.covers(*found))
        };
        match direction {
            Direction::TopDown => pieces.rev().find_map(fit),
            Direction::BottomUp => pieces.into_iter().find_map(fit),
        }
    }

    /// Bytes of `span` that are RAM, that are not mapped, and that are withheld from the page allocator.
    pub(super) fn shares(&self, span: Span) -> (u64, u64, u64) {
        let within = |set: &[Span]| -> u64 {
            set.iter().filter_map(|piece| piece.intersection(span)).map(Span::len).sum()
        };
        let withheld = ledger::union(self.reserved.iter().chain(&self.no_map).copied().collect());
        let ram: Vec<Span> = self.memory.iter().filter_map(|bank| bank.intersection(span)).collect();
        let ram_len: u64 = ram.iter().map(|piece| piece.len()).sum();
        let left: u64 = subtract(&ram, &withheld).iter().map(|piece| piece.len()).sum();
        (ram_len, within(&self.no_map), ram_len - left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(base: u64, end: u64) -> Span {
        Span::from_ends(base, end).unwrap()
    }

    #[test]
    fn what_is_reserved_or_not_mapped_is_not_found() {
        let mut memblock = Memblock::new(&[span(0x10_0000, 0x20_0000)]);
        memblock.reserve(span(0x1f_0000, 0x20_0000));
        memblock.mark_no_map(span(0x18_0000, 0x30_0000));
        let found = memblock.find(0x1_0000, 0x1_0000, 0, u64::MAX, Direction::TopDown);
        assert_eq!(found, Some(span(0x17_0000, 0x18_0000)));
        assert_eq!(memblock.no_map(), [span(0x18_0000, 0x20_0000)]);
    }

    #[test]
    fn an_odd_alignment_is_a_mask() {
        let memblock = Memblock::new(&[span(0x1_0000_0000, 0x1_4000_0000)]);
        let found = memblock.find(0x140_0000, 0x30_0000, 0x1000, u64::MAX, Direction::TopDown);
        assert_eq!(found.map(Span::base), Some(0x1_3ec0_0000));
    }
}
