//! Decides which spans each of the stage's maps covers. No memory is judged here: RAM, carveouts and the
//! places of things come from the core, and this only cuts the one out of the other.

use crate::layout::Layout;
use crate::paging::{Access, Builder, MapError, PAGE};
use alloc::vec::Vec;
use ringfence::ledger;
use ringfence::order;
use ringfence::span::Span;

/// Everything that a map consists of.
#[derive(Default)]
pub struct Wanted<'a> {
    /// RAM banks to map for reading and writing.
    pub ram: &'a [Span],
    /// Carveouts: rounded outward to pages, and never mapped whatever else asks for them.
    pub carveouts: &'a [Span],
    /// Things to read: the device tree, the bundle.
    pub read: &'a [Span],
    /// Device registers.
    pub devices: &'a [Span],
}

/// Returns the spans to map in addition to the stage's own, ascending, page-aligned and disjoint.
///
/// The stage's own image is left out (its parts have stricter access each), and whatever is claimed twice
/// goes to the first of: device, RAM, read. Rounding: carveouts, devices and things to read go outward to
/// pages, RAM inward.
#[must_use]
pub fn cut(layout: &Layout, wanted: &Wanted<'_>) -> Vec<(Span, Access)> {
    let carveouts = wanted.carveouts.iter().filter_map(|span| span.outward(PAGE));
    let mut holes = ledger::union(carveouts.chain(layout.image()).collect());
    let mut out: Vec<(Span, Access)> = Vec::new();
    let layers =
        [(wanted.devices, Access::Device), (wanted.ram, Access::Data), (wanted.read, Access::ReadOnly)];
    for (spans, access) in layers {
        let rounded = spans.iter().filter_map(|span| match access {
            Access::Data => span.inward(PAGE),
            _ => span.outward(PAGE),
        });
        let pieces = ledger::subtract(&ledger::union(rounded.collect()), &holes);
        out.extend(pieces.iter().map(|&piece| (piece, access)));
        // What is mapped once is a hole for everything after it.
        holes = ledger::union(holes.into_iter().chain(pieces).collect());
    }
    order::sort_by_key(&mut out, |(span, _)| *span);
    out
}

/// Returns whether every byte of `wanted` is in one of `spans` with this access.
#[must_use]
pub fn covered(spans: &[(Span, Access)], wanted: Span, access: Access) -> bool {
    covers(spans, wanted, |one| one == access)
}

/// Returns whether every byte of `wanted` is memory in one of `spans`.
#[must_use]
pub fn readable(spans: &[(Span, Access)], wanted: Span) -> bool {
    covers(spans, wanted, |one| one != Access::Device)
}

fn covers(spans: &[(Span, Access)], wanted: Span, is_right: impl Fn(Access) -> bool) -> bool {
    // Ascending and disjoint, as `cut` makes them: one pass moves the first address not seen yet.
    let mut at = wanted.base();
    for (span, _) in spans.iter().filter(|&&(_, access)| is_right(access)) {
        if span.contains(at) {
            at = span.end();
        }
    }
    at >= wanted.end()
}

/// Returns the parts of `spans` that are cached and in a page of a carveout.
pub fn cached<'a>(
    spans: &'a [(Span, Access)],
    carveouts: &'a [Span],
) -> impl Iterator<Item = Span> + use<'a> {
    let pages = carveouts.iter().filter_map(|carveout| carveout.outward(PAGE));
    pages.flat_map(|pages| {
        let cached = spans.iter().filter(|(_, access)| *access != Access::Device);
        cached.filter_map(move |(span, _)| span.intersection(pages))
    })
}

/// Returns the highest end address that a map of these needs.
#[must_use]
pub fn limit(layout: &Layout, spans: &[(Span, Access)]) -> u64 {
    spans.iter().map(|(span, _)| span.end()).fold(layout.end, u64::max)
}

/// Returns how many tables a map of `spans` can need at most: each end of a span may open one table at each
/// level.
#[must_use]
pub const fn tables_needed(spans: usize) -> usize {
    const IMAGE_PARTS: usize = 6;
    spans.saturating_add(IMAGE_PARTS).saturating_mul(6).saturating_add(1)
}

/// Bytes of the heap that are used until the second map is: its tables, for the start of a device tree and a
/// console, each in two pieces at most around the stage, and some short lists.
pub const FIRST_HEAP: u64 = (tables_needed(4) as u64 + 8) * PAGE;

/// Puts the stage and `spans` into a map.
///
/// # Errors
/// The first [`MapError`].
pub fn fill(builder: &mut Builder<'_>, layout: &Layout, spans: &[(Span, Access)]) -> Result<(), MapError> {
    for (span, access) in layout.parts().into_iter().flatten().chain(spans.iter().copied()) {
        builder.map(span, access)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paging::{Regime, Table};

    fn span(base: u64, end: u64) -> Span {
        Span::from_ends(base, end).unwrap()
    }

    const LAYOUT: Layout = Layout::fake(0x4020_0000);

    #[test]
    fn a_carveout_is_a_hole_with_its_partial_pages() {
        let ram = [span(0x4000_0000, 0x1_4000_0000)];
        let carveouts = [span(0x8430_0800, 0x847f_f001)];
        let spans = cut(&LAYOUT, &Wanted { ram: &ram, carveouts: &carveouts, ..Default::default() });
        assert!(spans.iter().all(|(s, _)| !s.overlaps(span(0x8430_0000, 0x8480_0000))));
        assert!(spans.iter().any(|(s, _)| s.end() == 0x8430_0000));
        assert!(spans.iter().any(|(s, _)| s.base() == 0x8480_0000));
    }

    #[test]
    fn no_carveout_is_mapped_even_when_something_readable_lies_in_it() {
        let carveouts = [span(0x5000_0000, 0x5010_0000)];
        let read = [span(0x500f_f000, 0x5020_0000)];
        let spans = cut(&LAYOUT, &Wanted { read: &read, carveouts: &carveouts, ..Default::default() });
        assert_eq!(spans, [(span(0x5010_0000, 0x5020_0000), Access::ReadOnly)]);
    }

    #[test]
    fn what_becomes_a_hole_is_cleaned_with_its_partial_pages() {
        let spans = [
            (span(0x5000_0000, 0x5000_4000), Access::ReadOnly),
            (span(0x5000_6000, 0x5000_8000), Access::Data),
            (span(0x900_0000, 0x900_1000), Access::Device),
        ];
        let carveouts = [span(0x5000_3800, 0x5000_6001), span(0x900_0000, 0x900_1000)];
        let cleaned: Vec<Span> = cached(&spans, &carveouts).collect();
        assert_eq!(cleaned, [span(0x5000_3000, 0x5000_4000), span(0x5000_6000, 0x5000_7000)]);
        assert_eq!(cached(&spans, &[span(0x6000_0000, 0x6000_1000)]).next(), None);
    }

    #[test]
    fn overlapping_carveouts_and_banks_are_no_trouble() {
        let ram = [span(0x8000_0000, 0x9000_0000), span(0x8800_0000, 0xa000_0000)];
        let carveouts = [span(0x8100_0000, 0x8200_0000), span(0x8180_0000, 0x8280_0000)];
        let spans = cut(&LAYOUT, &Wanted { ram: &ram, carveouts: &carveouts, ..Default::default() });
        assert_eq!(
            spans,
            [(span(0x8000_0000, 0x8100_0000), Access::Data), (span(0x8280_0000, 0xa000_0000), Access::Data)]
        );
    }

    #[test]
    fn only_what_is_wholly_inside_is_covered() {
        let spans = [
            (span(0x1000, 0x3000), Access::Data),
            (span(0x3000, 0x5000), Access::Data),
            (span(0x6000, 0x7000), Access::ReadOnly),
        ];
        assert!(covered(&spans, span(0x1800, 0x4fff), Access::Data));
        assert!(!covered(&spans, span(0x1800, 0x5001), Access::Data));
        assert!(!covered(&spans, span(0x800, 0x1800), Access::Data));
        assert!(!covered(&spans, span(0x6000, 0x7000), Access::Data));
        assert!(readable(&spans, span(0x1800, 0x5000)) && readable(&spans, span(0x6000, 0x7000)));
        assert!(!readable(&spans, span(0x4000, 0x6800)));
        assert!(!readable(&[(span(0x1000, 0x2000), Access::Device)], span(0x1000, 0x2000)));
    }

    #[test]
    fn the_guard_page_faults_and_its_neighbours_do_not() {
        let ram = [span(0x4000_0000, 0x8000_0000)];
        let spans = cut(&LAYOUT, &Wanted { ram: &ram, ..Default::default() });
        let mut pool = vec![Table::EMPTY; tables_needed(spans.len())];
        let mut builder =
            Builder::new(&mut pool, 0x1000, limit(&LAYOUT, &spans), 48, Regime::El1, |t, n| t.0[..n].fill(0))
                .unwrap();
        fill(&mut builder, &LAYOUT, &spans).unwrap();
        assert_eq!(builder.walk(LAYOUT.guard), None);
        assert_eq!(builder.walk(LAYOUT.fault_guard), None);
        assert!(builder.walk(LAYOUT.fault_stack).is_some());
        assert!(builder.walk(LAYOUT.guard - 1).is_some());
        assert!(builder.walk(LAYOUT.stack_bottom).is_some());
    }

    #[test]
    fn the_pool_is_large_enough_for_spans_that_share_no_table() {
        let ram: Vec<Span> =
            (1..20_u64).map(|n| span((n << 39) + 0x3fff_f000, (n << 39) + 0x8000_1000)).collect();
        let spans = cut(&LAYOUT, &Wanted { ram: &ram, ..Default::default() });
        let mut pool = vec![Table::EMPTY; tables_needed(spans.len())];
        let mut builder =
            Builder::new(&mut pool, 0x1000, limit(&LAYOUT, &spans), 48, Regime::El2, |t, n| t.0[..n].fill(0))
                .unwrap();
        fill(&mut builder, &LAYOUT, &spans).unwrap();
    }
}
