//! What became of every region, read from where memory stands in the end.

use super::memblock::Memblock;
use super::pools::PoolAt;
use super::{Fate, State};
use crate::ledger;
use crate::span::Span;
use crate::survey::MemoryMap;
use alloc::vec::Vec;

/// What became of every region, one entry a span.
pub(super) fn fates(
    map: &MemoryMap,
    placed: &[(usize, Span)],
    memblock: &Memblock,
    pools: &[PoolAt],
) -> Vec<Fate> {
    let mut fates = Vec::new();
    for (index, region) in map.regions.iter().enumerate() {
        let dynamic = placed.iter().filter(|(at, _)| *at == index).map(|(_, span)| *span);
        let spans: Vec<Option<Span>> = region.spans().iter().copied().chain(dynamic).map(Some).collect();
        let spans = if spans.is_empty() { alloc::vec![None] } else { spans };
        for span in spans {
            let (ram, no_map, withheld) = span.map_or((0, 0, 0), |span| memblock.shares(span));
            let pool = pools.iter().find(|pool| pool.index == index && Some(pool.span) == span);
            let state = match (ram, span.map(|span| first_in(memblock, span))) {
                (0, _) | (_, None) => State::Absent,
                (_, Some((no_map, withheld))) => match pool {
                    Some(pool) if pool.cma => State::Cma,
                    Some(_) if withheld => State::Coherent,
                    _ if no_map => State::NoMap,
                    _ if withheld => State::Reserved,
                    _ => State::Free,
                },
            };
            fates.push(Fate {
                node: region.node,
                name: region.name.clone(),
                span,
                state,
                ram,
                no_map,
                withheld,
            });
        }
    }
    fates
}

/// Whether the first byte of `span` in RAM is unmapped, and whether it is withheld.
fn first_in(memblock: &Memblock, span: Span) -> (bool, bool) {
    let first = memblock.memory().iter().find_map(|bank| bank.intersection(span));
    let byte = first.and_then(|piece| Span::new(piece.base(), 1));
    let within = |set: &[Span]| byte.is_some_and(|byte| ledger::coverage(set, byte) == ledger::Coverage::All);
    let no_map = within(memblock.no_map());
    (no_map, no_map || within(memblock.reserved()))
}
