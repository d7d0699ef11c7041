//! One walk over two lists of spans, the base of every overlap, gap and cut.
//!
//! ```
//! use ringfence::span::Span;
//! use ringfence::walk::{In, walk};
//!
//! let span = |base, end| Span::from_ends(base, end).unwrap();
//! let (ram, owned) = ([span(0, 30)], [span(10, 20), span(25, 40)]);
//! let stretches: Vec<_> = walk(&ram, &owned).collect();
//! assert_eq!(
//!     stretches,
//!     [
//!         (span(0, 10), In::Left),
//!         (span(10, 20), In::Both),
//!         (span(20, 25), In::Left),
//!         (span(25, 30), In::Both),
//!         (span(30, 40), In::Right),
//!     ]
//! );
//! ```

use crate::span::Span;

/// Which of the two lists a stretch of addresses is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum In {
    /// The first list alone.
    Left,
    /// The second list alone.
    Right,
    /// Both.
    Both,
}

/// Walks over two lists, each ascending and disjoint, and returns every stretch that is in one of them or in
/// both, ascending. A stretch ends where a span of either list begins or ends: O(n + m).
pub fn walk<'s>(left: &'s [Span], right: &'s [Span]) -> impl Iterator<Item = (Span, In)> + 's {
    let (mut lefts, mut rights) = (left.iter().copied(), right.iter().copied());
    let (mut left, mut right) = (lefts.next(), rights.next());
    core::iter::from_fn(move || {
        let (base, tag) = match (left, right) {
            (None, None) => return None,
            (Some(l), None) => (l.base(), In::Left),
            (None, Some(r)) => (r.base(), In::Right),
            (Some(l), Some(r)) if l.base() < r.base() => (l.base(), In::Left),
            (Some(l), Some(r)) if r.base() < l.base() => (r.base(), In::Right),
            (Some(l), Some(_)) => (l.base(), In::Both),
        };
        // What is in one list alone ends at the latest where the other list goes on.
        let ends = [
            left.map(|l| if tag == In::Right { l.base() } else { l.end() }),
            right.map(|r| if tag == In::Left { r.base() } else { r.end() }),
        ];
        let end = ends.into_iter().flatten().fold(u64::MAX, u64::min);
        if tag != In::Right {
            left = left.and_then(|l| Span::from_ends(end, l.end())).or_else(|| lefts.next());
        }
        if tag != In::Left {
            right = right.and_then(|r| Span::from_ends(end, r.end())).or_else(|| rights.next());
        }
        Span::from_ends(base, end).map(|stretch| (stretch, tag))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    fn span(base: u64, end: u64) -> Span {
        Span::from_ends(base, end).unwrap()
    }

    fn stretches(left: &[Span], right: &[Span]) -> Vec<(Span, In)> {
        walk(left, right).collect()
    }

    #[test]
    fn spans_that_only_touch_share_nothing() {
        assert_eq!(
            stretches(&[span(0, 10)], &[span(10, 20)]),
            [(span(0, 10), In::Left), (span(10, 20), In::Right)]
        );
    }

    #[test]
    fn one_list_alone_is_returned_as_it_is() {
        let list = [span(0, 10), span(10, 20), span(30, 40)];
        assert_eq!(stretches(&list, &[]), list.map(|span| (span, In::Left)));
        assert_eq!(stretches(&[], &list), list.map(|span| (span, In::Right)));
        assert_eq!(stretches(&[], &[]), vec![]);
    }

    #[test]
    fn equal_spans_are_one_stretch() {
        assert_eq!(stretches(&[span(5, 9)], &[span(5, 9)]), [(span(5, 9), In::Both)]);
    }

    #[test]
    fn every_byte_is_returned_once_with_the_lists_that_hold_it() {
        // Every pair of lists over eight addresses, each address held or not.
        let list = |bits: u32| -> Vec<Span> {
            (0..8).filter(|at| bits >> at & 1 == 1).map(|at| span(at, at + 1)).collect()
        };
        for (left, right) in (0..1 << 16).map(|bits| (bits & 0xff, bits >> 8)) {
            let (a, b) = (list(left), crate::ledger::union(list(right)));
            let (mut seen, mut low) = ([0, 0], 0);
            for (stretch, tag) in walk(&a, &b) {
                assert!(stretch.base() >= low, "{left:#x} {right:#x}: {stretch}");
                low = stretch.end();
                let bits = (1 << stretch.end()) - (1 << stretch.base());
                seen[0] |= if tag == In::Right { 0 } else { bits };
                seen[1] |= if tag == In::Left { 0 } else { bits };
            }
            assert_eq!(seen, [left, right]);
        }
    }
}
