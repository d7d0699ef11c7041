//! What memory is taken so far, and the search for what is free.

use crate::analysis::Analysis;
use crate::ledger::{self, Coverage, Direction, Ledger, meeting};
use crate::span::{GIB, Span};
use alloc::vec::Vec;

/// More windows than any region has: each costs a pass over what is taken.
const MAX_WINDOWS: usize = 64;

/// The memory that is taken; everything that is placed later keeps off it.
#[derive(Clone)]
pub(super) struct Space<'s, 'c, 'a> {
    analysis: &'s Analysis<'c, 'a>,
    taken: Ledger<()>,
}

/// What a region or pool asks of its place.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// Bytes, already a multiple of what the kernel needs.
    pub(super) size: u64,
    /// Bytes, a power of two.
    pub(super) align: u64,
    /// Windows in order of preference; empty means anywhere, below 4 GiB first.
    pub(super) windows: Vec<Span>,
    /// Places to try before any search.
    pub(super) prefer: Vec<Span>,
    /// Where it stays if no other place will do, which is worse.
    pub(super) fallback: Option<Span>,
    /// Whether it must not cross a zone boundary.
    pub(super) pool: bool,
}

impl<'s, 'c, 'a> Space<'s, 'c, 'a> {
    pub(super) fn new(analysis: &'s Analysis<'c, 'a>) -> Self {
        Self { analysis, taken: Ledger::default() }
    }

    /// Takes all of `span`, whatever part of it is taken already.
    pub(super) fn take(&mut self, span: Span) {
        let mut rest = Some(span);
        while let Some(piece) = rest {
            let other = match self.taken.claim(piece, ()) {
                Ok(()) => return,
                Err((other, ())) => *other,
            };
            let [below, above] = piece.without(other);
            if let Some(below) = below.filter(|below| below.base() < other.base()) {
                // Nothing is taken below the lowest conflict, so this claim cannot fail.
                let _ = self.taken.claim(below, ());
                rest = above;
            } else {
                rest = below.or(above).filter(|left| left.base() >= other.end());
            }
        }
    }

    /// Takes all of these. In ascending order each goes to the end of the ledger, which costs nothing.
    pub(super) fn take_all(&mut self, spans: impl Iterator<Item = Span>) {
        let all = ledger::union(spans.chain(self.spans()).collect());
        self.taken = Ledger::default();
        for span in all {
            self.take(span);
        }
    }

    /// Returns what is taken, ascending and disjoint.
    pub(super) fn spans(&self) -> Vec<Span> {
        self.taken.iter().map(|(span, ())| *span).collect()
    }

    /// Returns whether part of `span` is taken.
    pub(super) fn is_taken(&self, span: Span) -> bool {
        self.taken.conflict(span).is_some()
    }

    /// Returns whether `span` is free, in one stretch of RAM, and for a pool on one side of 4 GiB.
    pub(super) fn is_free(&self, span: Span, pool: bool) -> bool {
        let crosses = pool && span.base() < 4 * GIB && span.end() > 4 * GIB;
        !crosses && self.analysis.in_usable(span) == Coverage::All && !self.is_taken(span)
    }

    /// Finds the lowest free place in a span of RAM.
    pub(super) fn lowest_in(&self, bank: Span, size: u64, align: u64) -> Option<Span> {
        self.taken.find(bank, size, align, Direction::BottomUp)
    }

    /// Searches as memblock does: the first window that fits wins, and in it the highest address. Without
    /// windows, memory below 4 GiB comes first, so that a device with 32 address bits reaches it.
    pub(super) fn find(&self, request: &Request) -> Option<Span> {
        let is_free = |span: &&Span| self.is_free(**span, request.pool);
        if let Some(&kept) = request.prefer.iter().find(is_free) {
            return Some(kept);
        }
        let low = Span::from_ends(0, 4 * GIB)?;
        let high = Span::from_ends(4 * GIB, u64::MAX)?;
        let reached = Span::from_ends(0, self.analysis.dma_limit().min(4 * GIB));
        let windows = match request.windows.as_slice() {
            [] => reached.into_iter().chain([low, high]).collect(),
            windows => windows.to_vec(),
        };
        let banks = self.analysis.map.usable.spans();
        for window in windows.into_iter().take(MAX_WINDOWS) {
            let sides: &[Span] = if request.pool { &[high, low] } else { &[window] };
            let pieces = sides.iter().filter_map(|side| side.intersection(window)).flat_map(|piece| {
                meeting(banks, piece).iter().rev().filter_map(move |bank| bank.intersection(piece))
            });
            for piece in pieces {
                let found = self.taken.find(piece, request.size, request.align, Direction::TopDown);
                if found.is_some() {
                    return found;
                }
            }
        }
        request.fallback.as_ref().filter(is_free).copied()
    }
}
