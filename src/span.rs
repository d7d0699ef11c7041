//! A half-open range of physical addresses, the unit in which all code describes memory.
//!
//! All overlap, containment and rounding is computed here, so that no other module
//! compares the ends of two ranges by hand.

use core::fmt;

/// Bytes in a KiB.
pub const KIB: u64 = 1 << 10;
/// Bytes in a MiB.
pub const MIB: u64 = 1 << 20;
/// Bytes in a GiB.
pub const GIB: u64 = 1 << 30;

/// A non-empty half-open range `[base, end)` of physical addresses, in bytes.
///
/// `base < end` always holds, so a length never underflows and an end never wraps. The topmost byte of the
/// 64-bit space cannot be named; no arm64 system has memory there (the architecture stops at 2^56).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    base: u64,
    end: u64,
}

impl Span {
    /// Makes the span of `size` bytes from `base`, or `None` when it is empty or its end would wrap.
    #[must_use]
    pub const fn new(base: u64, size: u64) -> Option<Self> {
        match base.checked_add(size) {
            Some(end) if size > 0 => Some(Self { base, end }),
            _ => None,
        }
    }

    /// Makes the span from `base` (inclusive) to `end` (exclusive), or `None` when it is empty.
    #[must_use]
    pub const fn from_ends(base: u64, end: u64) -> Option<Self> {
        if base < end { Some(Self { base, end }) } else { None }
    }

    /// Returns the first address, inclusive.
    #[must_use]
    pub const fn base(self) -> u64 {
        self.base
    }

    /// Returns the end address, exclusive.
    #[must_use]
    pub const fn end(self) -> u64 {
        self.end
    }

    /// Returns the address of the last byte.
    #[must_use]
    pub const fn last(self) -> u64 {
        self.end - 1
    }

    /// Returns the length in bytes, never zero.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a span is never empty")]
    pub const fn len(self) -> u64 {
        self.end - self.base
    }

    /// Returns whether `address` is inside.
    #[must_use]
    pub const fn contains(self, address: u64) -> bool {
        self.base <= address && address < self.end
    }

    /// Returns whether all of `other` is inside.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        self.base <= other.base && other.end <= self.end
    }

    /// Returns whether at least one byte is shared.
    #[must_use]
    pub const fn overlaps(self, other: Self) -> bool {
        self.base < other.end && other.base < self.end
    }

    /// Returns the bytes shared with `other`.
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        Self::from_ends(self.base.max(other.base), self.end.min(other.end))
    }

    /// Returns the bytes below and above `other` that remain of this span.
    #[must_use]
    pub fn without(self, other: Self) -> [Option<Self>; 2] {
        if !self.overlaps(other) {
            return [Some(self), None];
        }
        [Self::from_ends(self.base, other.base), Self::from_ends(other.end, self.end)]
    }

    /// Returns whether base and length are both multiples of `align` bytes (a power of two).
    #[must_use]
    pub const fn is_aligned(self, align: u64) -> bool {
        (self.base | self.end) & (align - 1) == 0
    }

    /// Rounds outward to multiples of `align` bytes (a power of two), as protection needs.
    /// `None` when the end would wrap.
    #[must_use]
    pub fn outward(self, align: u64) -> Option<Self> {
        Self::from_ends(align_down(self.base, align), align_up(self.end, align)?)
    }

    /// Rounds inward to multiples of `align` bytes (a power of two), as use needs.
    /// `None` when nothing remains.
    #[must_use]
    pub fn inward(self, align: u64) -> Option<Self> {
        Self::from_ends(align_up(self.base, align)?, align_down(self.end, align))
    }

    /// Returns the span of the same length at another base, or `None` when its end would wrap.
    #[must_use]
    pub const fn at(self, base: u64) -> Option<Self> {
        Self::new(base, self.len())
    }
}

/// Rounds `address` up to a multiple of `align` (a power of two), or `None` when that wraps.
#[must_use]
pub const fn align_up(address: u64, align: u64) -> Option<u64> {
    match address.checked_add(align - 1) {
        Some(sum) => Some(sum & !(align - 1)),
        None => None,
    }
}

/// Rounds `address` down to a multiple of `align` (a power of two).
#[must_use]
pub const fn align_down(address: u64, align: u64) -> u64 {
    address & !(align - 1)
}

/// Returns the alignment in bytes that a base keeps when it moves: its own, but at most 1 MiB, the largest
/// unit in which boards commonly lay out their carveouts, and at least `page`.
#[must_use]
pub fn kept_alignment(base: u64, page: u64) -> u64 {
    let own = if base == 0 { u64::MAX } else { 1 << base.trailing_zeros() };
    own.min(MIB).max(page)
}

/// `0x84300000..0x84800000 (5 MiB)`: half-open ends and the size in the largest unit that divides it.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}..{:#x} ({})", self.base, self.end, Size(self.len()))
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A number of bytes, displayed in the largest of GiB, MiB, KiB and bytes that is exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = match self.0 {
            0 => (1, "bytes"),
            1 => (1, "byte"),
            n if n % GIB == 0 => (GIB, "GiB"),
            n if n % MIB == 0 => (MIB, "MiB"),
            n if n % KIB == 0 => (KIB, "KiB"),
            _ => (1, "bytes"),
        };
        write!(f, "{} {name}", self.0 / unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn span(base: u64, end: u64) -> Span {
        Span::from_ends(base, end).unwrap()
    }

    #[test]
    fn an_empty_or_wrapping_range_is_no_span() {
        assert_eq!(Span::new(0x1000, 0), None);
        assert_eq!(Span::new(u64::MAX, 2), None);
        assert_eq!(Span::from_ends(8, 8), None);
        assert_eq!(Span::new(u64::MAX - 1, 1).map(Span::last), Some(u64::MAX - 1));
    }

    #[test]
    fn touching_spans_do_not_overlap() {
        assert!(!span(0, 16).overlaps(span(16, 32)));
        assert!(span(0, 17).overlaps(span(16, 32)));
        assert_eq!(span(0, 17).intersection(span(16, 32)), Some(span(16, 17)));
    }

    #[test]
    fn removing_the_middle_leaves_both_sides() {
        assert_eq!(span(0, 100).without(span(10, 20)), [Some(span(0, 10)), Some(span(20, 100))]);
        assert_eq!(span(10, 20).without(span(0, 100)), [None, None]);
        assert_eq!(span(10, 20).without(span(30, 40)), [Some(span(10, 20)), None]);
    }

    #[test]
    fn protection_rounds_outward_and_use_inward() {
        assert_eq!(span(0x1800, 0x3001).outward(0x1000), Some(span(0x1000, 0x4000)));
        assert_eq!(span(0x1800, 0x3001).inward(0x1000), Some(span(0x2000, 0x3000)));
        assert_eq!(span(0x1800, 0x1900).inward(0x1000), None);
        assert_eq!(span(u64::MAX - 5, u64::MAX - 1).outward(0x1000), None);
    }

    #[test]
    fn sizes_read_as_people_write_them() {
        assert_eq!(Span::new(0x8430_0000, 5 * MIB).unwrap().to_string(), "0x84300000..0x84800000 (5 MiB)");
        assert_eq!(Size(0x1001).to_string(), "4097 bytes");
        assert_eq!(Size(3 * GIB).to_string(), "3 GiB");
    }
}
