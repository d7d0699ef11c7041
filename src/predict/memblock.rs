//! A model of memblock, the kernel's first allocator, as sets of spans (mm/memblock.c).

use crate::ledger::{self, Direction, meeting, subtract};
use crate::profile::Room;
use crate::span::Span;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Memory as the kernel sees it before its page allocator runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memblock {
    memory: Set,
    /// What was taken out of it.
    removed: Set,
    no_map: Set,
    reserved: Set,
    /// Entries in the array of memory beyond one for each bank: each end of an unmapped piece inside a bank
    /// adds one.
    splits: usize,
    room: Room,
}

/// An array has no entry left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Memory,
    Reserved,
}

impl Memblock {
    /// Starts with this RAM, ascending and disjoint, and arrays of this size.
    #[must_use]
    pub fn new(ram: &[Span], room: Room) -> Self {
        let mut memory = Set::default();
        ram.iter().for_each(|&bank| memory.insert(bank));
        let (removed, no_map, reserved) = Default::default();
        Self { memory, removed, no_map, reserved, splits: 0, room }
    }

    /// RAM: ascending and disjoint.
    pub fn memory(&self) -> impl Iterator<Item = Span> {
        self.memory.iter()
    }

    /// RAM that is not mapped: ascending and disjoint.
    pub fn no_map(&self) -> impl Iterator<Item = Span> {
        self.no_map.iter()
    }

    /// Returns all reserved spans, mapped or not, RAM or not: ascending and disjoint.
    pub fn reserved(&self) -> impl Iterator<Item = Span> {
        self.reserved.iter()
    }

    /// Returns the end of RAM, exclusive; 0 without RAM.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.memory.0.last_key_value().map_or(0, |(_, &end)| end)
    }

    pub(super) fn add(&mut self, span: Span) {
        self.memory.insert(span);
    }

    /// Reserves a span. It takes an entry for each gap that it fills before the array joins what touches
    /// (`memblock_add_range`).
    pub(super) fn reserve(&mut self, span: Span) -> Result<(), Full> {
        let mut gaps = 1;
        let mut from = span.base();
        for held in self.reserved.meeting(span) {
            gaps += usize::from(held.base() > from);
            from = held.end();
        }
        gaps -= usize::from(from == span.end());
        if gaps > 0 && self.reserved.0.len() + gaps > self.room.reserved {
            return Err(Full::Reserved);
        }
        self.reserved.insert(span);
        Ok(())
    }

    /// Takes what of `span` is RAM out of it. Two entries must be left, needed or not
    /// (`memblock_isolate_range`).
    pub(super) fn remove(&mut self, span: Span) -> Result<(), Full> {
        if !self.can_mark_once() {
            return Err(Full::Memory);
        }
        let pieces: Vec<Span> = self.memory.meeting(span).collect();
        pieces.into_iter().for_each(|piece| self.removed.insert(piece));
        self.memory.remove(span);
        self.count_splits();
        Ok(())
    }

    /// Makes RAM of `span`, and returns whether all of it was RAM before.
    pub(super) fn add_back(&mut self, span: Span) -> bool {
        let was = self.memory.meeting(span).chain(self.removed.meeting(span)).map(Span::len).sum::<u64>();
        self.removed.remove(span);
        self.memory.insert(span);
        self.count_splits();
        was == span.len()
    }

    fn count_splits(&mut self) {
        self.splits = self.no_map.iter().map(|piece| self.ends_inside(piece)).sum();
    }

    fn can_mark(&self, entries: usize) -> bool {
        self.memory.0.len() + self.splits + entries <= self.room.memory
    }

    /// Returns whether a piece in the middle of a bank can be marked.
    pub(super) fn can_mark_once(&self) -> bool {
        self.can_mark(2)
    }

    /// Returns whether a piece in the middle of a bank can be marked and unmarked.
    pub(super) fn can_mark_twice(&self) -> bool {
        self.can_mark(4)
    }

    /// Returns whether there is room for `entries` more reserved spans.
    pub(super) fn has_room(&self, entries: usize) -> bool {
        self.room.reserved - self.reserved.0.len() >= entries
    }

    /// Lets the arrays grow from now on.
    pub(super) fn unbind(&mut self) {
        self.room = Room::UNBOUNDED;
    }

    pub(super) fn free(&mut self, span: Span) {
        self.reserved.remove(span);
    }

    /// Marks the RAM in `span` as not to be mapped. Two entries must be free, used or not
    /// (`memblock_isolate_range`).
    pub(super) fn mark_no_map(&mut self, span: Span) -> Result<(), Full> {
        if !self.can_mark_once() {
            return Err(Full::Memory);
        }
        let pieces: Vec<Span> = self.memory.meeting(span).collect();
        for piece in pieces {
            self.splits -= self.no_map.touching(piece).map(|joined| self.ends_inside(joined)).sum::<usize>();
            self.no_map.insert(piece);
            self.splits += self.no_map.touching(piece).map(|joined| self.ends_inside(joined)).sum::<usize>();
        }
        Ok(())
    }

    pub(super) fn clear_no_map(&mut self, span: Span) {
        self.no_map.remove(span);
        self.count_splits();
    }

    /// Returns the ends of an unmapped piece that are inside a bank.
    fn ends_inside(&self, piece: Span) -> usize {
        let banks = self.memory.touching(piece);
        banks
            .map(|bank| usize::from(bank.base() < piece.base()) + usize::from(piece.end() < bank.end()))
            .sum()
    }

    /// Returns whether any byte of `span` is reserved.
    #[must_use]
    pub fn is_reserved(&self, span: Span) -> bool {
        self.reserved.meeting(span).next().is_some()
    }

    /// Returns whether any byte of `span` was taken out of RAM.
    pub(super) fn is_removed(&self, span: Span) -> bool {
        self.removed.meeting(span).next().is_some()
    }

    /// Returns whether any byte of `span` is RAM.
    #[must_use]
    pub fn is_memory(&self, span: Span) -> bool {
        self.memory.meeting(span).next().is_some()
    }

    /// Finds `size` free bytes in `[start, end)`: in the free pieces, starting at the end that `direction`
    /// names, with the base masked by `align - 1` even where `align` is not a power of two
    /// (`memblock_find_in_range_node`, `__memblock_find_range_top_down`).
    #[must_use]
    pub fn find(&self, size: u64, align: u64, start: u64, end: u64, direction: Direction) -> Option<Span> {
        Self::find_in(&self.free_pieces(size), size, align, start, end, direction)
    }

    /// Returns the free pieces of at least `size` bytes, ascending.
    pub(super) fn free_pieces(&self, size: u64) -> Vec<Span> {
        let memory: Vec<Span> = self.memory.iter().collect();
        let mut free = subtract(&memory, &self.withheld());
        free.retain(|piece| piece.len() >= size);
        free
    }

    /// As [`Memblock::find`], in pieces that are known.
    pub(super) fn find_in(
        free: &[Span],
        size: u64,
        align: u64,
        start: u64,
        end: u64,
        direction: Direction,
    ) -> Option<Span> {
        let window = Span::from_ends(start, end)?;
        let pieces = meeting(free, window).iter().filter_map(|piece| piece.intersection(window));
        ledger::fit(pieces, size, align.max(1), direction)
    }

    fn withheld(&self) -> Vec<Span> {
        ledger::union(self.reserved.iter().chain(self.no_map.iter()).collect())
    }

    /// Returns the state of memory, prepared for many queries.
    pub(super) fn shares(&self) -> Shares {
        let with_removed = |set: &Set| ledger::union(set.iter().chain(self.removed.iter()).collect());
        Shares {
            free: Lengths::of(self.free_pieces(0)),
            no_map: Lengths::of(with_removed(&self.no_map)),
            memory: Lengths::of(with_removed(&self.memory)),
            removed: Lengths::of(self.removed.iter().collect()),
        }
    }
}

/// The final state of memory, to be asked for the shares of many spans.
pub(super) struct Shares {
    memory: Lengths,
    removed: Lengths,
    no_map: Lengths,
    free: Lengths,
}

/// Bytes of one span by state.
#[derive(Default)]
pub(super) struct Share {
    /// RAM, also what was taken out of it.
    pub(super) ram: u64,
    /// RAM that was taken out.
    pub(super) removed: u64,
    /// RAM that is not mapped, also what was taken out of it.
    pub(super) no_map: u64,
    /// RAM that the page allocator does not get.
    pub(super) withheld: u64,
}

impl Shares {
    pub(super) fn of(&self, span: Span) -> Share {
        let ram = self.memory.within(span);
        Share {
            ram,
            removed: self.removed.within(span),
            no_map: self.no_map.within(span),
            withheld: ram - self.free.within(span),
        }
    }
}

/// Ascending, disjoint spans with running totals of their bytes.
struct Lengths {
    spans: Vec<Span>,
    /// The total bytes of all spans before each.
    before: Vec<u64>,
}

impl Lengths {
    fn of(spans: Vec<Span>) -> Self {
        let mut sum = 0;
        let mut before = Vec::with_capacity(spans.len());
        for span in &spans {
            before.push(sum);
            sum += span.len();
        }
        Self { spans, before }
    }

    fn within(&self, span: Span) -> u64 {
        self.below(span.end()) - self.below(span.base())
    }

    fn below(&self, address: u64) -> u64 {
        let Some(at) = self.spans.partition_point(|span| span.base() < address).checked_sub(1) else {
            return 0;
        };
        let part = self.spans.get(at).map_or(0, |span| address.min(span.end()) - span.base());
        self.before.get(at).map_or(0, |before| before + part)
    }
}

/// Disjoint spans that do not touch, from base to end. A tree, since a hostile device tree has many and in
/// any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Set(BTreeMap<u64, u64>);

impl Set {
    fn iter(&self) -> impl Iterator<Item = Span> {
        self.0.iter().filter_map(|(&base, &end)| Span::from_ends(base, end))
    }

    /// Members that share a byte with `window` or touch it, whole.
    fn touching(&self, window: Span) -> impl Iterator<Item = Span> {
        let before = self.0.range(..window.base()).next_back().filter(|(_, end)| **end >= window.base());
        let from = self.0.range(window.base()..=window.end());
        before.into_iter().chain(from).filter_map(|(&base, &end)| Span::from_ends(base, end))
    }

    /// Returns the parts of members that are in `window`, ascending.
    fn meeting(&self, window: Span) -> impl Iterator<Item = Span> {
        let before = self.0.range(..window.base()).next_back();
        let from = self.0.range(window.base()..window.end());
        let spans = before.into_iter().chain(from).filter_map(|(&base, &end)| Span::from_ends(base, end));
        spans.filter_map(move |span| span.intersection(window))
    }

    fn insert(&mut self, span: Span) {
        let (mut base, mut end) = (span.base(), span.end());
        while let Some((&low, &high)) = self.0.range(..=end).next_back().filter(|(_, high)| **high >= base) {
            self.0.remove(&low);
            (base, end) = (base.min(low), end.max(high));
        }
        self.0.insert(base, end);
    }

    fn remove(&mut self, span: Span) {
        while let Some((&low, &high)) =
            self.0.range(..span.end()).next_back().filter(|(_, high)| **high > span.base())
        {
            self.0.remove(&low);
            for left in
                Span::from_ends(low, high).into_iter().flat_map(|member| member.without(span)).flatten()
            {
                self.0.insert(left.base(), left.end());
            }
            if low <= span.base() {
                return;
            }
        }
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
        let mut memblock = Memblock::new(&[span(0x10_0000, 0x20_0000)], Room::UNBOUNDED);
        memblock.reserve(span(0x1f_0000, 0x20_0000)).unwrap();
        memblock.mark_no_map(span(0x18_0000, 0x30_0000)).unwrap();
        let found = memblock.find(0x1_0000, 0x1_0000, 0, u64::MAX, Direction::TopDown);
        assert_eq!(found, Some(span(0x17_0000, 0x18_0000)));
        assert!(memblock.no_map().eq([span(0x18_0000, 0x20_0000)]));
    }

    #[test]
    fn an_odd_alignment_is_a_mask() {
        let memblock = Memblock::new(&[span(0x1_0000_0000, 0x1_4000_0000)], Room::UNBOUNDED);
        let found = memblock.find(0x140_0000, 0x30_0000, 0x1000, u64::MAX, Direction::TopDown);
        assert_eq!(found.map(Span::base), Some(0x1_3ec0_0000));
    }

    #[test]
    fn spans_join_where_they_touch_and_part_where_they_are_cut() {
        let mut memblock = Memblock::new(&[], Room::UNBOUNDED);
        for (base, end) in [(0x50, 0x60), (0x10, 0x20), (0x20, 0x30), (0x58, 0x80), (0x28, 0x50)] {
            memblock.reserve(span(base, end)).unwrap();
        }
        assert!(memblock.reserved().eq([span(0x10, 0x80)]));
        memblock.free(span(0x20, 0x30));
        memblock.free(span(0x28, 0x40));
        memblock.free(span(0x78, 0x90));
        assert!(memblock.reserved().eq([span(0x10, 0x20), span(0x40, 0x78)]));
        memblock.free(span(0, 0x100));
        assert!(memblock.reserved().next().is_none());
    }

    #[test]
    fn an_array_is_full_when_what_is_new_finds_no_entry_before_it_joins() {
        let mut memblock = Memblock::new(&[span(0, 0x1000)], Room { memory: 5, reserved: 2 });
        memblock.reserve(span(0x10, 0x20)).unwrap();
        memblock.reserve(span(0x20, 0x30)).unwrap();
        memblock.reserve(span(0x40, 0x50)).unwrap();
        assert_eq!(memblock.reserve(span(0x30, 0x40)), Err(Full::Reserved), "though it would close the gap");
        assert_eq!(memblock.reserve(span(0x18, 0x28)), Ok(()), "what is reserved needs none");
        memblock.mark_no_map(span(0x100, 0x200)).unwrap();
        // Beside it: the same piece, longer.
        memblock.mark_no_map(span(0x200, 0x300)).unwrap();
        assert_eq!(memblock.splits, 2);
        assert_eq!(memblock.mark_no_map(span(0, 0x80)), Ok(()), "at the end of the bank it makes one more");
        assert_eq!((memblock.splits, memblock.mark_no_map(span(0x80, 0x90))), (3, Err(Full::Memory)));
        memblock.clear_no_map(span(0x180, 0x190));
        assert_eq!(memblock.splits, 5);
    }
}
