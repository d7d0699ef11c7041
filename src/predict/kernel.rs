//! The state of a kernel while it handles a tree: RAM, the table of regions, the pools, and its log.

use super::failure::{Failure, FailureKind};
use super::memblock::{Full, Memblock};
use super::reading::Reading;
use crate::analysis::Analysis;
use crate::bootargs::CmaArg;
use crate::claims::{Claim, ClaimKind};
use crate::fdt::NodeId;
use crate::profile::KernelProfile;
use crate::span::Span;
use alloc::string::String;
use alloc::vec::Vec;

/// An entry of the kernel's table of regions.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The region, by its index in the survey.
    pub(super) index: usize,
    pub(super) base: u64,
    /// 0 for a dynamic region that has no place yet.
    pub(super) size: u64,
}

/// Memory of a region, as its set-up takes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    /// What memblock has of it, which ends with the address space (mm/memblock.c, `memblock_cap_size`).
    pub(super) span: Span,
    /// Its size in bytes as the tree says. Base plus size may wrap.
    pub(super) size: u64,
}

impl Held {
    /// Takes the tuple of a `reg`; `None` for an empty one.
    pub(super) fn new(base: u64, size: u64) -> Option<Self> {
        let span = Span::new(base, size).or_else(|| Span::from_ends(base, u64::MAX));
        span.filter(|_| size > 0).map(|span| Self { span, size })
    }

    /// Returns its last address as the kernel counts it.
    pub(super) const fn last(self) -> u64 {
        self.span.base().wrapping_add(self.size - 1)
    }
}

impl From<Span> for Held {
    fn from(span: Span) -> Self {
        Self { span, size: span.len() }
    }
}

/// A pool that was set up.
#[derive(Clone, Copy, Debug)]
pub(super) struct PoolAt {
    pub(super) index: usize,
    pub(super) span: Span,
    pub(super) cma: bool,
}

/// The state of a kernel while it handles the regions.
pub(super) struct Kernel<'k> {
    pub(super) analysis: &'k Analysis<'k, 'k>,
    /// What owns memory when the kernel starts, by ascending base.
    claims: &'k [Claim],
    pub(super) reading: &'k Reading,
    pub(super) profile: &'k KernelProfile,
    pub(super) arg: Option<CmaArg>,
    pub(super) memblock: Memblock,
    pub(super) log: Vec<String>,
    pub(super) failures: Vec<Failure>,
    pub(super) pools: Vec<PoolAt>,
    /// How many of them are CMA areas.
    pub(super) areas: usize,
    /// Places of dynamic regions, by their indices.
    pub(super) placed: Vec<(usize, Span)>,
    /// The region that has become the default CMA pool, by its index.
    pub(super) default_pool: Option<usize>,
    pub(super) table: Vec<Entry>,
    /// Whether the latest reservation found no entry.
    was_full: bool,
    /// Why it panics because of the tree, when it does.
    pub(super) panic: Option<&'static str>,
}

impl<'k> Kernel<'k> {
    pub(super) fn new(
        analysis: &'k Analysis<'k, 'k>,
        reading: &'k Reading,
        arg: Option<CmaArg>,
        memblock: Memblock,
    ) -> Self {
        Self {
            analysis,
            claims: analysis.claims(),
            reading,
            profile: analysis.profile,
            arg,
            memblock,
            log: Vec::new(),
            failures: Vec::new(),
            pools: Vec::new(),
            areas: 0,
            placed: Vec::new(),
            default_pool: None,
            table: Vec::new(),
            was_full: false,
            panic: None,
        }
    }

    /// Logs a line, unless the kernel has panicked.
    pub(super) fn say(&mut self, line: impl Into<String>) {
        if self.panic.is_none() {
            self.log.push(line.into());
        }
    }

    /// Logs a line about a failure.
    pub(super) fn fail(&mut self, kind: FailureKind, node: Option<NodeId>, line: impl Into<String>) {
        if self.panic.is_none() {
            self.failures.push(Failure { kind, node, line: Some(self.log.len()) });
            self.log.push(line.into());
        }
    }

    /// Returns the spans that claims of a kind have.
    pub(super) fn claimed(&self, kind: ClaimKind) -> impl Iterator<Item = Span> + use<'k> {
        self.claims.iter().filter(move |claim| claim.kind == kind).map(|claim| claim.span)
    }

    /// Reserves a span, and returns whether there was an entry for it.
    pub(super) fn reserve(&mut self, span: Span) -> bool {
        let done = self.memblock.reserve(span);
        self.has_done(done)
    }

    /// Marks a span, and returns whether there were entries for it.
    pub(super) fn mark_no_map(&mut self, span: Span) -> bool {
        let done = self.memblock.mark_no_map(span);
        self.has_done(done)
    }

    /// Takes a span out of RAM, and returns whether there were entries for that.
    pub(super) fn remove(&mut self, span: Span) -> bool {
        let done = self.memblock.remove(span);
        self.has_done(done)
    }

    /// Returns the sort of a failed reservation.
    pub(super) const fn refusal(&self) -> FailureKind {
        if self.was_full { FailureKind::NoRoom } else { FailureKind::Refused }
    }

    fn has_done(&mut self, done: Result<(), Full>) -> bool {
        self.was_full = done.is_err();
        if self.profile.panics_when_full
            && let Err(full) = done
        {
            self.panic.get_or_insert(match full {
                Full::Memory => "memblock: cannot resize memory array",
                Full::Reserved => "memblock: cannot resize reserved array",
            });
        }
        done.is_ok()
    }
}
