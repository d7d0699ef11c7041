//! The ledger: one sorted set of disjoint claims on memory, and the search for free windows between them.
//!
//! Code that adds a claim asks the ledger first, so that two owners of one byte cannot exist. The
//! model is the single predicate that U-Boot's `lib/lmb.c` checks before every reservation.

use crate::order;
use crate::span::{Span, align_down, align_up};
use crate::walk::{In, walk};
use alloc::vec::Vec;

/// Disjoint claims in ascending order, each with its owner.
#[derive(Clone, Debug)]
pub struct Ledger<O> {
    claims: Vec<(Span, O)>,
}

impl<O> Default for Ledger<O> {
    fn default() -> Self {
        Self { claims: Vec::new() }
    }
}

/// Which end of a window a search starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Lowest address first.
    BottomUp,
    /// Highest address first, as memblock allocates on arm64.
    TopDown,
}

impl<O> Ledger<O> {
    /// Enters a claim, or returns the standing claim that it would overlap (the lowest one) and change
    /// nothing.
    pub fn claim(&mut self, span: Span, owner: O) -> Result<(), &(Span, O)> {
        let at = self.claims.partition_point(|(other, _)| other.end() <= span.base());
        let meets = self.claims.get(at).is_some_and(|(other, _)| other.overlaps(span));
        if !meets {
            self.claims.insert(at, (span, owner));
        }
        self.claims.get(at).filter(|_| meets).map_or(Ok(()), Err)
    }

    /// Returns the lowest claim that shares a byte with `span`.
    #[must_use]
    pub fn conflict(&self, span: Span) -> Option<&(Span, O)> {
        let at = self.claims.partition_point(|(other, _)| other.end() <= span.base());
        self.claims.get(at).filter(|(other, _)| other.overlaps(span))
    }

    /// Returns all claims, ascending and disjoint.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &(Span, O)> {
        self.claims.iter()
    }

    /// Finds `size` free bytes inside `window` at a multiple of `align` bytes (a power of two), searching
    /// from the end that `direction` names. `None` when nothing fits. The cost is one pass over the claims in
    /// it.
    #[must_use]
    pub fn find(&self, window: Span, size: u64, align: u64, direction: Direction) -> Option<Span> {
        let taken = between(&self.claims, window, |(span, _)| *span);
        // The gaps below, between and above what is taken; none is built before it is looked at.
        let gaps = (0..=taken.len()).filter_map(|above| {
            let below = above.checked_sub(1).and_then(|below| taken.get(below));
            let base = below.map_or(window.base(), |(span, _)| span.end());
            let end = taken.get(above).map_or(window.end(), |(span, _)| span.base());
            Span::from_ends(base, end)
        });
        fit(gaps, size, align, direction)
    }
}

/// Finds `size` bytes at a multiple of `align` bytes in one of the ascending `pieces`, in the first from the
/// end that `direction` names, and at that end of it. Where `align` is not a power of two, the base is masked
/// by `align - 1` all the same, as memblock does.
#[must_use]
pub fn fit(
    mut pieces: impl DoubleEndedIterator<Item = Span>,
    size: u64,
    align: u64,
    direction: Direction,
) -> Option<Span> {
    let in_piece = |piece: Span| {
        let base = match direction {
            Direction::BottomUp => align_up(piece.base(), align)?,
            Direction::TopDown => align_down(piece.end().checked_sub(size)?, align),
        };
        Span::new(base, size).filter(|found| piece.covers(*found))
    };
    match direction {
        Direction::BottomUp => pieces.find_map(in_piece),
        Direction::TopDown => pieces.rev().find_map(in_piece),
    }
}

/// Returns those of ascending, disjoint `items` that share a byte with `window`.
fn between<T>(items: &[T], window: Span, span: impl Fn(&T) -> Span) -> &[T] {
    let first = items.partition_point(|item| span(item).end() <= window.base());
    let rest = items.get(first..).unwrap_or_default();
    rest.get(..rest.partition_point(|item| span(item).base() < window.end())).unwrap_or_default()
}

/// Returns those of the ascending, disjoint `cover` that share a byte with `window`.
#[must_use]
pub fn meeting(cover: &[Span], window: Span) -> &[Span] {
    between(cover, window, |span| *span)
}

/// Sorts `spans` and merges those that overlap or touch: the union, ascending and disjoint.
#[must_use]
pub fn union(mut spans: Vec<Span>) -> Vec<Span> {
    order::sort(&mut spans);
    spans.dedup_by(|span, last| match Span::from_ends(last.base(), last.end().max(span.end())) {
        Some(joined) if span.base() <= last.end() => {
            *last = joined;
            true
        }
        _ => false,
    });
    spans
}

/// Returns what of the ascending, disjoint `from` is not in the ascending, disjoint `cut`.
#[must_use]
pub fn subtract(from: &[Span], cut: &[Span]) -> Vec<Span> {
    let hull = from.first().zip(from.last()).and_then(|(low, high)| Span::from_ends(low.base(), high.end()));
    let cut = hull.map_or(cut, |hull| meeting(cut, hull));
    walk(from, cut).filter(|(_, lists)| *lists == In::Left).map(|(span, _)| span).collect()
}

/// Reports how much of `span` the ascending, disjoint `cover` holds.
#[must_use]
pub fn coverage(cover: &[Span], span: Span) -> Coverage {
    match meeting(cover, span) {
        [] => Coverage::None,
        [one] if one.covers(span) => Coverage::All,
        _ => Coverage::Part,
    }
}

/// How much of a span a set of disjoint, non-touching spans holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Every byte, in one member of the set.
    All,
    /// At least one byte, but not all within one member.
    Part,
    /// No byte.
    None,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(base: u64, end: u64) -> Span {
        Span::from_ends(base, end).unwrap()
    }

    fn ledger(claims: &[(u64, u64)]) -> Ledger<usize> {
        let mut ledger = Ledger::default();
        for (owner, &(base, end)) in claims.iter().enumerate() {
            ledger.claim(span(base, end), owner).unwrap();
        }
        ledger
    }

    #[test]
    fn a_claim_over_another_is_refused_and_names_it() {
        let mut ledger = ledger(&[(0x10, 0x20), (0x40, 0x50)]);
        assert_eq!(ledger.claim(span(0x4f, 0x60), 9).unwrap_err().1, 1);
        assert_eq!(ledger.claim(span(0, 0x100), 9).unwrap_err().1, 0);
        assert!(ledger.claim(span(0x20, 0x40), 9).is_ok());
        assert_eq!(ledger.conflict(span(0x3f, 0x41)).map(|c| c.1), Some(9));
        assert_eq!(ledger.conflict(span(0x50, 0x60)), None);
    }

    #[test]
    fn top_down_search_takes_the_highest_aligned_gap() {
        let ledger = ledger(&[(0x8000, 0x9000), (0xf000, 0x1_0000)]);
        let window = span(0x4000, 0x1_0000);
        assert_eq!(ledger.find(window, 0x1000, 0x1000, Direction::TopDown), Some(span(0xe000, 0xf000)));
        assert_eq!(ledger.find(window, 0x4000, 0x4000, Direction::TopDown), Some(span(0x4000, 0x8000)));
        assert_eq!(ledger.find(window, 0x7000, 0x1000, Direction::TopDown), None);
    }

    #[test]
    fn bottom_up_search_takes_the_lowest_aligned_gap() {
        let ledger = ledger(&[(0x0, 0x5000), (0x8000, 0x9000)]);
        let window = span(0x4000, 0x1_0000);
        assert_eq!(ledger.find(window, 0x1000, 0x2000, Direction::BottomUp), Some(span(0x6000, 0x7000)));
        assert_eq!(ledger.find(window, 0x4000, 0x1000, Direction::BottomUp), Some(span(0x9000, 0xd000)));
        assert_eq!(ledger.find(window, 0x8000, 0x1000, Direction::BottomUp), None);
    }

    #[test]
    fn a_union_joins_what_touches() {
        let joined = union(alloc::vec![span(20, 30), span(0, 10), span(10, 15), span(25, 28)]);
        assert_eq!(joined, [span(0, 15), span(20, 30)]);
        assert_eq!(coverage(&joined, span(2, 15)), Coverage::All);
        assert_eq!(coverage(&joined, span(14, 21)), Coverage::Part);
        assert_eq!(coverage(&joined, span(15, 20)), Coverage::None);
    }

    #[test]
    fn subtracting_keeps_what_no_cut_covers() {
        let from = [span(0, 10), span(20, 40), span(50, 60)];
        assert_eq!(subtract(&from, &[]), from);
        assert_eq!(subtract(&from, &[span(0, 100)]), alloc::vec![]);
        assert_eq!(
            subtract(&from, &[span(5, 25), span(30, 32), span(60, 70)]),
            alloc::vec![span(0, 5), span(25, 30), span(32, 40), span(50, 60)]
        );
    }
}
