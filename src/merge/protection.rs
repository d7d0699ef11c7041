//! How strongly a tree protects which memory.

use crate::ledger;
use crate::span::Span;
use crate::survey::{MemoryMap, Region};
use alloc::vec::Vec;

/// What the enabled regions and the memory reserve list of one tree protect. Each list is ascending and
/// disjoint.
pub(crate) struct Protection {
    no_map: Vec<Span>,
    /// No-map, mapped, and `/memreserve/`: Linux uses none of it.
    reserved: Vec<Span>,
    /// What Linux maps or uses although a region names it.
    mapped: Vec<Span>,
    reusable: Vec<Span>,
}

impl Protection {
    pub(crate) fn of(map: &MemoryMap) -> Self {
        let spans = |is: &dyn Fn(&Region) -> bool| -> Vec<Span> {
            map.enabled().filter(|region| is(region)).flat_map(|region| region.spans().to_vec()).collect()
        };
        let is_kept = |region: &Region| region.no_map || !region.reusable;
        let reserved = [spans(&is_kept), map.memreserve.clone()].concat();
        Self {
            no_map: ledger::union(spans(&|region| region.no_map)),
            reserved: ledger::union(reserved),
            mapped: ledger::union(spans(&|region| !region.no_map)),
            reusable: ledger::union(spans(&|region| !is_kept(region))),
        }
    }

    /// Returns what is protected at least so strongly: with `no_map` from being mapped, else from being used.
    pub(crate) fn of_strength(&self, no_map: bool) -> &[Span] {
        if no_map { &self.no_map } else { &self.reserved }
    }

    /// Returns what a region of the tree names, and protects less.
    pub(crate) fn weaker(&self, no_map: bool) -> &[Span] {
        if no_map { &self.mapped } else { &self.reusable }
    }
}
