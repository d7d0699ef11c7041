//! The outcome of every region, read from the final state of memory.

use super::kernel::{Kernel, PoolAt};
use super::memblock::{Memblock, Share};
use super::{RegionOutcome, State};
use crate::span::Span;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Returns the outcome of every region in this state of memory, one entry for each span.
pub(super) fn outcomes(kernel: &Kernel<'_>, memblock: &Memblock) -> Vec<RegionOutcome> {
    let shares = memblock.shares();
    // A region is a pool at one place at most.
    let pools: BTreeMap<usize, PoolAt> = kernel.pools.iter().rev().map(|pool| (pool.index, *pool)).collect();
    let mut outcomes = Vec::new();
    for (index, region) in kernel.reading.regions.iter().enumerate() {
        let dynamic = kernel.placed.iter().filter(|(at, _)| *at == index).map(|(_, span)| *span);
        let spans: Vec<Option<Span>> = kernel.spans(region).into_iter().chain(dynamic).map(Some).collect();
        let spans = if spans.is_empty() { alloc::vec![None] } else { spans };
        for span in spans {
            let Share { ram, removed, no_map, withheld } =
                span.map_or_else(Share::default, |span| shares.of(span));
            let pool = pools.get(&index).filter(|pool| Some(pool.span) == span);
            let state = match pool {
                _ if ram == 0 => State::Absent,
                Some(pool) if pool.cma => State::Cma,
                // With one byte not withheld, the region protects nothing that its owner relies on.
                _ if withheld < ram => State::Free,
                Some(_) => State::Coherent,
                None if removed == ram => State::Removed,
                None if no_map == ram => State::NoMap,
                None => State::Reserved,
            };
            outcomes.push(RegionOutcome {
                node: region.node,
                name: region.name.clone(),
                span,
                state,
                ram,
                no_map,
                withheld,
                removed,
            });
        }
    }
    outcomes
}
