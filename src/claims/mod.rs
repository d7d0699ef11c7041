//! Claims: everything that owns memory, in one sorted set.
//!
//! The set is built once per survey. Rules, planner, predictor, stage and every picture of the tool read it
//! and nothing else, so that they cannot know of different owners.
//!
//! To add a kind of claim:
//! 1. add its variant to [`ClaimKind`] and its row (lifetime, label) to the table below the enum, in
//!    `kind.rs`;
//! 2. collect its spans in `collect.rs`, from the survey or the boot facts.
//!
//! Everything else follows from the lifetime.

mod collect;
mod conflict;
mod kind;
#[cfg(test)]
mod tests;

pub use kind::{ClaimKind, Lifetime};

use crate::facts::BootFacts;
use crate::ledger;
use crate::order;
use crate::span::Span;
use crate::survey::MemoryMap;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// A span and who owns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The addresses.
    pub span: Span,
    /// The owner.
    pub kind: ClaimKind,
}

/// Every claim of one survey.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    all: Vec<Claim>,
    pairs: Vec<(usize, usize)>,
    more_pairs: bool,
}

impl Claims {
    /// Collects the claims and finds every conflicting pair: O(n log n + pairs), the pairs bounded.
    #[must_use]
    pub fn new(map: &MemoryMap, facts: &BootFacts) -> Self {
        let mut all = collect::collect(map, facts);
        order::stable_sort_by_key(&mut all, |claim| (claim.span.base(), Reverse(claim.span.end())));
        let (pairs, more_pairs) = conflict::pairs(map, &all);
        Self { all, pairs, more_pairs }
    }

    /// Returns every claim by ascending base, the larger one first.
    #[must_use]
    pub fn all(&self) -> &[Claim] {
        &self.all
    }

    /// Returns what of the ascending, disjoint `ram` has no owner, ascending.
    #[must_use]
    pub fn free(&self, ram: &[Span]) -> Vec<Span> {
        ledger::subtract(ram, &ledger::union(self.all.iter().map(|claim| claim.span).collect()))
    }

    /// Returns every pair of claims that share a byte and must not, the lower base first.
    pub fn pairs(&self) -> impl Iterator<Item = (Claim, Claim)> {
        self.pairs.iter().filter_map(|&(a, b)| Some((*self.all.get(a)?, *self.all.get(b)?)))
    }

    /// Tells whether more claims conflict than [`Claims::pairs`] lists.
    #[must_use]
    pub const fn has_more_pairs(&self) -> bool {
        self.more_pairs
    }

    /// Returns the claims that share a byte with `span`, by ascending base.
    pub fn over(&self, span: Span) -> impl Iterator<Item = &Claim> {
        let end = self.all.partition_point(|claim| claim.span.base() < span.end());
        self.all.iter().take(end).filter(move |claim| claim.span.overlaps(span))
    }

    /// Returns the claims on exactly `span`.
    #[must_use]
    pub fn at(&self, span: Span) -> &[Claim] {
        let key = |span: Span| (span.base(), Reverse(span.end()));
        let first = self.all.partition_point(|claim| key(claim.span) < key(span));
        let rest = self.all.get(first..).unwrap_or_default();
        rest.get(..rest.partition_point(|claim| claim.span == span)).unwrap_or_default()
    }
}
