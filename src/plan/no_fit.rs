//! Words for what could not be placed: what is in the way, and the nearest place that would do.

use crate::analysis::Analysis;
use crate::ledger::{self, Direction, Ledger};
use crate::span::Span;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Says what is in `window`, the largest first, and where `size` bytes at a multiple of `align` would fit: as
/// near to the window as can be, else the largest piece there is. `taken` are the spans that others have, in
/// any order.
pub(super) fn explain_no_fit(
    analysis: &Analysis<'_, '_>,
    taken: Vec<Span>,
    size: u64,
    align: u64,
    window: Option<Span>,
) -> String {
    let in_the_way = window.and_then(|window| {
        let shared = |span: Span| span.intersection(window).map_or(0, Span::len);
        analysis
            .claims_over(window)
            .filter(|claim| !claim.kind.lifetime().is_soft())
            .max_by_key(|claim| shared(claim.span))
    });
    let mut words = match in_the_way {
        Some(claim) => format!(": {} {} is in the way", analysis.name(claim.kind), claim.span),
        None => String::new(),
    };
    let free = ledger::subtract(analysis.map.usable.spans(), &ledger::union(taken));
    let empty = Ledger::<()>::default();
    let gap = |span: Span| {
        let above = window.map_or(0, |window| span.base().saturating_sub(window.end()));
        above.max(window.map_or(0, |window| window.base().saturating_sub(span.end())))
    };
    let fits = free.iter().flat_map(|&piece| {
        [Direction::BottomUp, Direction::TopDown].map(|from| empty.find(piece, size, align, from))
    });
    words += &match (fits.flatten().min_by_key(|&span| gap(span)), free.iter().max_by_key(|span| span.len()))
    {
        (Some(span), _) => format!("; the nearest place that would do is {span}"),
        (None, Some(largest)) => format!("; the largest free piece is {largest}"),
        (None, None) => "; no RAM is free".into(),
    };
    words
}
