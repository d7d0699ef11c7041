//! The EFI memory map: ascending, disjoint ranges, whatever the firmware hands out.

use super::{EfiKind, EfiUse};
use crate::ledger;
use crate::order;
use crate::span::{Span, align_down};
use alloc::vec::Vec;
use core::fmt;

/// Bytes in an EFI page.
pub const PAGE: u64 = 4096;

/// One descriptor, as `GetMemoryMap` returns it (UEFI 2.10, 7.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The type, by its number.
    pub ty: u32,
    /// First address.
    pub base: u64,
    /// Number of pages of 4 KiB.
    pub pages: u64,
    /// `EFI_MEMORY_…` bits.
    pub attributes: u64,
}

/// A range of the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EfiRange {
    /// Its addresses.
    pub span: Span,
    /// Its type.
    pub kind: EfiKind,
}

impl fmt::Display for EfiRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.span, self.kind)
    }
}

/// The EFI memory map of one moment: ranges in ascending order, disjoint, neighbours of one type joined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EfiMap {
    ranges: Vec<EfiRange>,
}

impl EfiMap {
    /// Reads descriptors in any order.
    ///
    /// Where ranges share bytes, the stronger use counts, so that memory that any descriptor marks as
    /// used is not free. A range that wraps around reaches to the end of all addresses and is of no
    /// known type.
    #[must_use]
    pub fn new(descriptors: impl IntoIterator<Item = Descriptor>) -> Self {
        Self::from_ranges(descriptors.into_iter().filter_map(range))
    }

    /// Makes a map of ranges in any order, by the same rules.
    #[must_use]
    pub fn from_ranges(ranges: impl IntoIterator<Item = EfiRange>) -> Self {
        let all: Vec<EfiRange> = ranges.into_iter().collect();
        let mut out: Vec<EfiRange> = Vec::with_capacity(all.len());
        let mut taken: Vec<Span> = Vec::new();
        for kind in EfiKind::BY_STRENGTH.into_iter().rev() {
            let of_kind: Vec<Span> = all.iter().filter(|r| r.kind == kind).map(|r| r.span).collect();
            if of_kind.is_empty() {
                continue;
            }
            let of_kind = ledger::subtract(&ledger::union(of_kind), &taken);
            out.extend(of_kind.iter().map(|&span| EfiRange { span, kind }));
            taken.extend(of_kind);
            taken = ledger::union(taken);
        }
        order::sort_by_key(&mut out, |range| range.span);
        Self { ranges: out }
    }

    /// Returns the ranges, ascending and disjoint.
    #[must_use]
    pub fn ranges(&self) -> &[EfiRange] {
        &self.ranges
    }

    /// Returns the ranges that share a byte with `window`, each cut to it.
    pub fn within(&self, window: Span) -> impl Iterator<Item = EfiRange> + '_ {
        let first = self.ranges.partition_point(|range| range.span.end() <= window.base());
        let rest = self.ranges.iter().skip(first);
        rest.map_while(move |range| Some(EfiRange { span: range.span.intersection(window)?, ..*range }))
    }

    /// Returns the spans of one use, ascending, disjoint, joined where they touch.
    #[must_use]
    pub fn of_use(&self, usage: EfiUse) -> Vec<Span> {
        self.spans(|kind| kind.usage() == usage)
    }

    /// Returns everything that Linux treats as memory, used or not.
    #[must_use]
    pub fn memory(&self) -> Vec<Span> {
        self.spans(|kind| kind.usage() != EfiUse::Device)
    }

    /// Returns the map as it is once `spans` are of another type, where they were of `from` before.
    #[must_use]
    pub fn with(&self, spans: &[Span], from: impl Fn(EfiKind) -> bool, to: EfiKind) -> Self {
        let spans = ledger::union(spans.to_vec());
        let mut ranges = Vec::with_capacity(self.ranges.len());
        for range in &self.ranges {
            if !from(range.kind) {
                ranges.push(*range);
                continue;
            }
            let changed =
                ledger::meeting(&spans, range.span).iter().filter_map(|s| s.intersection(range.span));
            ranges.extend(changed.map(|span| EfiRange { span, kind: to }));
            let left = ledger::subtract(&[range.span], &spans);
            ranges.extend(left.into_iter().map(|span| EfiRange { span, kind: range.kind }));
        }
        Self::from_ranges(ranges)
    }

    /// Returns the map with tables that Linux keeps, in what is otherwise free once Linux runs.
    #[must_use]
    pub fn with_tables(&self, tables: &[Span]) -> Self {
        let pages: Vec<Span> = tables.iter().filter_map(|table| table.outward(PAGE)).collect();
        self.with(&pages, |kind| kind.usage() == EfiUse::UntilLinux, EfiKind::KeptTable)
    }

    fn spans(&self, wanted: impl Fn(EfiKind) -> bool) -> Vec<Span> {
        ledger::union(self.ranges.iter().filter(|range| wanted(range.kind)).map(|range| range.span).collect())
    }
}

/// Reads one descriptor; `None` when it is empty. What is free is rounded inward to pages, all else outward.
fn range(descriptor: Descriptor) -> Option<EfiRange> {
    if descriptor.pages == 0 {
        return None;
    }
    let kind = EfiKind::from_descriptor(descriptor.ty, descriptor.attributes);
    let whole = descriptor.pages.checked_mul(PAGE).and_then(|len| Span::new(descriptor.base, len));
    let Some(span) = whole else {
        let span = Span::from_ends(align_down(descriptor.base, PAGE), u64::MAX)?;
        return Some(EfiRange { span, kind: EfiKind::Other });
    };
    let rounded = match kind.usage() {
        EfiUse::Free => span.inward(PAGE),
        _ => span.outward(PAGE).or_else(|| Span::from_ends(align_down(span.base(), PAGE), u64::MAX)),
    };
    Some(EfiRange { span: rounded?, kind })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    fn descriptor(ty: u32, base: u64, pages: u64) -> Descriptor {
        Descriptor { ty, base, pages, attributes: 0xf }
    }

    fn span(base: u64, end: u64) -> Span {
        Span::from_ends(base, end).unwrap()
    }

    #[test]
    fn a_map_in_any_order_is_sorted_and_joined() {
        let map = EfiMap::new([
            descriptor(7, 0x4010_0000, 0x100),
            descriptor(6, 0x4020_0000, 1),
            descriptor(7, 0x4000_0000, 0x100),
            descriptor(7, 0x5000_0000, 0),
        ]);
        assert_eq!(
            map.ranges(),
            [
                EfiRange { span: span(0x4000_0000, 0x4020_0000), kind: EfiKind::Conventional },
                EfiRange { span: span(0x4020_0000, 0x4020_1000), kind: EfiKind::RuntimeData },
            ]
        );
        assert_eq!(map.memory(), [span(0x4000_0000, 0x4020_1000)]);
    }

    #[test]
    fn where_two_ranges_share_bytes_the_stronger_use_counts() {
        let map =
            EfiMap::new([descriptor(7, 0x1000, 0x10), descriptor(5, 0x4000, 2), descriptor(0, 0x5000, 2)]);
        assert_eq!(map.of_use(EfiUse::Free), [span(0x1000, 0x4000), span(0x7000, 0x1_1000)]);
        assert_eq!(map.of_use(EfiUse::Firmware), [span(0x4000, 0x6000)]);
        assert_eq!(map.of_use(EfiUse::Reserved), [span(0x6000, 0x7000)]);
    }

    #[test]
    fn a_range_that_wraps_is_of_no_known_type_and_never_free() {
        for pages in [u64::MAX, 1 << 52, (1 << 51) + 1] {
            let map = EfiMap::new([descriptor(7, 0x1000, 0x10), descriptor(7, 1 << 63, pages)]);
            assert_eq!(map.of_use(EfiUse::Free), [span(0x1000, 0x1_1000)]);
            assert_eq!(map.of_use(EfiUse::Firmware), [span(1 << 63, u64::MAX)]);
        }
    }

    #[test]
    fn ranges_of_a_window_are_cut_to_it() {
        let map = EfiMap::new([descriptor(7, 0x1000, 4), descriptor(4, 0x5000, 4)]);
        let within: Vec<EfiRange> = map.within(span(0x2000, 0x6000)).collect();
        assert_eq!(
            within.iter().map(|r| r.span).collect::<Vec<_>>(),
            [span(0x2000, 0x5000), span(0x5000, 0x6000)]
        );
        assert_eq!(map.within(span(0x9000, 0xa000)).count(), 0);
    }

    #[test]
    fn a_table_that_linux_keeps_is_whole_pages_of_boot_services() {
        let map = EfiMap::new([descriptor(7, 0x1000, 4), descriptor(4, 0x5000, 4), descriptor(6, 0x9000, 1)]);
        let map = map.with_tables(&[span(0x4fff, 0x5001), span(0x6fff, 0x7001), span(0x9000, 0x9008)]);
        let of =
            |kind| map.ranges().iter().filter(move |r| r.kind == kind).map(|r| r.span).collect::<Vec<_>>();
        assert_eq!(of(EfiKind::KeptTable), [span(0x5000, 0x8000)]);
        assert_eq!(map.of_use(EfiUse::Free), [span(0x1000, 0x5000)]);
        assert_eq!(of(EfiKind::RuntimeData), [span(0x9000, 0xa000)]);
    }

    #[test]
    fn what_was_held_early_can_be_called_free_again() {
        let map = EfiMap::new([descriptor(0, 0x1000, 4), descriptor(5, 0x5000, 4)]);
        let held = vec![span(0x2000, 0x6000)];
        let free = map.with(&held, |kind| kind == EfiKind::Reserved, EfiKind::Conventional);
        assert_eq!(free.of_use(EfiUse::Free), [span(0x2000, 0x5000)]);
        assert_eq!(free.of_use(EfiUse::Firmware), [span(0x5000, 0x9000)]);
        assert_eq!(free.of_use(EfiUse::Reserved), [span(0x1000, 0x2000)]);
    }
}
