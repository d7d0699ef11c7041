//! The state of a kernel while it handles a tree: RAM, the table of regions, the pools, and its log.

use super::memblock::{Full, Memblock};
use super::reading::Reading;
use crate::bootargs::CmaArg;
use crate::fdt::Tree;
use crate::profile::{Build, KernelProfile};
use crate::span::Span;
use crate::survey::MemoryMap;
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

/// A pool that was set up.
#[derive(Clone, Copy, Debug)]
pub(super) struct PoolAt {
    pub(super) index: usize,
    pub(super) span: Span,
    pub(super) cma: bool,
}

/// The state of a kernel while it handles the regions.
pub(super) struct Kernel<'k> {
    pub(super) tree: &'k Tree<'k>,
    pub(super) map: &'k MemoryMap,
    pub(super) reading: &'k Reading,
    pub(super) profile: &'k KernelProfile,
    pub(super) build: &'k Build,
    pub(super) arg: Option<CmaArg>,
    pub(super) memblock: Memblock,
    pub(super) log: Vec<String>,
    pub(super) pools: Vec<PoolAt>,
    /// Places of dynamic regions, by their indices.
    pub(super) placed: Vec<(usize, Span)>,
    /// The region that has become the default CMA pool, by its index.
    pub(super) default_pool: Option<usize>,
    pub(super) table: Vec<Entry>,
    /// Why it panics because of the tree, when it does.
    pub(super) panic: Option<&'static str>,
}

impl<'k> Kernel<'k> {
    pub(super) fn new(
        tree: &'k Tree<'_>,
        map: &'k MemoryMap,
        reading: &'k Reading,
        profile: &'k KernelProfile,
        build: &'k Build,
        arg: Option<CmaArg>,
        memblock: Memblock,
    ) -> Self {
        Self {
            tree,
            map,
            reading,
            profile,
            build,
            arg,
            memblock,
            log: Vec::new(),
            pools: Vec::new(),
            placed: Vec::new(),
            default_pool: None,
            table: Vec::new(),
            panic: None,
        }
    }

    /// Logs a line, unless the kernel has panicked.
    pub(super) fn say(&mut self, line: impl Into<String>) {
        if self.panic.is_none() {
            self.log.push(line.into());
        }
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

    fn has_done(&mut self, done: Result<(), Full>) -> bool {
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
