//! The scale of a picture: the height of each address.
//!
//! A board has carveouts of one page beside gigabytes of free memory, so no linear scale shows both. Memory
//! is cut at every address where something begins or ends, and each stretch gets a height that grows with the
//! logarithm of its size. What is neither RAM nor claimed is shown at a fixed height.

use std::collections::BTreeSet;

use ringfence::ledger::{self, Coverage};
use ringfence::span::Span;

use crate::memmap::chart::Chart;

/// Height of the smallest stretch, in pixels: one line of text fits.
const LEAST: u32 = 20;
/// Pixels that each doubling of the size adds, from one page of 4 KiB on.
const PER_DOUBLING: u32 = 3;
/// Height of a stretch that is left out.
const HOLE: u32 = 30;

/// Memory between two neighbouring addresses where something begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) span: Span,
    /// Distance from the top of the map, in pixels.
    pub(super) top: u32,
    /// In pixels.
    pub(super) height: u32,
    /// Neither RAM nor claimed on any chart.
    pub(super) is_hole: bool,
}

/// All stretches, ascending without gaps: low addresses are at the top.
#[derive(Clone, Debug, Default)]
pub(super) struct Scale {
    pub(super) stretches: Vec<Stretch>,
}

impl Scale {
    /// Returns one scale for several charts, so that an unchanged claim is at the same height on all of them.
    pub(super) fn new(charts: &[&Chart]) -> Self {
        let spans = |chart: &&Chart| {
            let claims = chart.claims.iter().map(|claim| claim.span);
            chart.ram.iter().copied().chain(claims).collect::<Vec<_>>()
        };
        let spans: Vec<Span> = charts.iter().flat_map(spans).collect();
        let points: BTreeSet<u64> = spans.iter().flat_map(|span| [span.base(), span.end()]).collect();
        let used = ledger::union(spans);
        let mut stretches = Vec::with_capacity(points.len());
        let mut top = 0;
        for (low, high) in points.iter().zip(points.iter().skip(1)) {
            let Some(span) = Span::from_ends(*low, *high) else { continue };
            let is_hole = ledger::coverage(&used, span) == Coverage::None;
            let height = if is_hole { HOLE } else { height(span.len()) };
            stretches.push(Stretch { span, top, height, is_hole });
            top += height;
        }
        Self { stretches }
    }

    /// Returns the height of the whole, in pixels.
    pub(super) fn height(&self) -> u32 {
        self.stretches.last().map_or(0, |last| last.top + last.height)
    }

    /// Returns where `span` begins, and how high it is, in pixels. Both its ends must be ends on one of the
    /// charts.
    pub(super) fn place(&self, span: Span) -> (u32, u32) {
        let top = self.of(span.base());
        (top, self.of(span.end()).saturating_sub(top))
    }

    /// Returns the distance of `address` from the top, in pixels.
    fn of(&self, address: u64) -> u32 {
        let at = self.stretches.partition_point(|stretch| stretch.span.end() <= address);
        self.stretches.get(at).map_or_else(|| self.height(), |stretch| stretch.top)
    }
}

fn height(bytes: u64) -> u32 {
    LEAST + PER_DOUBLING * bytes.max(1).ilog2().saturating_sub(12)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memmap::chart::tests::{board, chart};

    #[test]
    fn a_page_is_legible_beside_gigabytes_and_larger_is_higher() {
        assert_eq!(height(1), LEAST);
        assert_eq!(height(4096), LEAST);
        assert!(height(1 << 20) > height(1 << 16) && height(1 << 40) < 5 * height(1 << 20));
    }

    #[test]
    fn what_stays_stands_at_the_same_height_on_both_charts() {
        let before = chart(&board(&[
            ("a@50000000", 0x5000_0000, 0x1000, &[]),
            ("b@60000000", 0x6000_0000, 0x1000, &[]),
        ]));
        let after = chart(&board(&[
            ("a@50000000", 0x5000_0000, 0x2000, &[]),
            ("b@60000000", 0x6000_0000, 0x1000, &[]),
        ]));
        let scale = Scale::new(&[&before, &after]);
        let b = before.claims[1].span;
        assert_eq!(b, after.claims[1].span);
        assert_eq!(scale.place(b).1, LEAST);
        assert_eq!(scale.place(after.claims[0].span).1, 2 * LEAST, "cut where the other chart's region ends");
        assert_eq!(scale.place(before.ram[0]), (0, scale.height()));
    }

    #[test]
    fn what_is_no_ram_is_cut_out() {
        let outside = chart(&board(&[("a@10000000", 0x1000_0000, 0x1000, &[])]));
        let scale = Scale::new(&[&outside]);
        let holes: Vec<Span> = scale.stretches.iter().filter(|s| s.is_hole).map(|s| s.span).collect();
        assert_eq!(holes, [Span::from_ends(0x1000_1000, 0x4000_0000).unwrap()]);
    }

    #[test]
    fn an_empty_map_has_no_height() {
        assert_eq!(Scale::new(&[&Chart::default()]).height(), 0);
    }
}
