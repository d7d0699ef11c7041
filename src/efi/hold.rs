//! What is to be held in the EFI memory map, so that neither a boot loader nor the EFI stub is given it.

use super::{EfiKind, EfiMap, EfiUse, PAGE};
use crate::span::{KIB, Span};
use crate::survey::MemoryMap;
use alloc::string::String;
use alloc::vec::Vec;

/// AArch64 firmware gives away reserved memory in blocks of 64 KiB only (UEFI 2.10, 2.3.6; EDK2's
/// `RUNTIME_PAGE_ALLOCATION_GRANULARITY`).
const BLOCK: u64 = 64 * KIB;

/// As which type memory is held (Devicetree Specification 0.4, 3.5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldKind {
    /// `EfiReservedMemoryType`: carveouts, which Linux must not map.
    Reserved,
    /// `EfiBootServicesData`: what Linux maps and keeps reserved by itself.
    BootData,
}

impl HoldKind {
    /// Returns the type in the EFI map.
    #[must_use]
    pub const fn kind(self) -> EfiKind {
        match self {
            Self::Reserved => EfiKind::Reserved,
            Self::BootData => EfiKind::BootData,
        }
    }
}

/// A span to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The name of the region, or `cma=`.
    pub name: String,
    /// The addresses, rounded outward to EFI pages.
    pub span: Span,
    /// As what.
    pub kind: HoldKind,
}

/// A part of a hold that firmware is to be asked for in one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The addresses, whole pages.
    pub span: Span,
    /// The type to ask for.
    pub kind: EfiKind,
}

impl Hold {
    /// Returns what a surveyed tree protects: every static region that is enabled, and the place of a `cma=`.
    #[must_use]
    pub fn all(map: &MemoryMap) -> Vec<Self> {
        let hold =
            |name: &str, span: Span, kind| Some(Self { name: name.into(), span: span.outward(PAGE)?, kind });
        let mut holds = Vec::new();
        for region in map.enabled() {
            let kind = if region.no_map { HoldKind::Reserved } else { HoldKind::BootData };
            holds.extend(region.spans().iter().filter_map(|&span| hold(&region.name, span, kind)));
        }
        let cma = map.chosen.cma.and_then(|cma| cma.fixed());
        holds.extend(cma.and_then(|span| hold("cma=", span, HoldKind::BootData)));
        holds
    }

    /// Returns what of it is free in `map`, in pieces that firmware gives away.
    ///
    /// Reserved memory comes in blocks of 64 KiB, and a smaller request would take the neighbours' bytes
    /// with it: what is left at the edges is asked for as `EfiUnusableMemory`, which is exact and the same
    /// to Linux.
    #[must_use]
    pub fn pieces(&self, map: &EfiMap) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let free = map.within(self.span).filter(|range| range.kind.usage() == EfiUse::Free);
        for span in free.map(|range| range.span) {
            let inner = match self.kind {
                HoldKind::BootData => Some(span),
                HoldKind::Reserved => span.inward(BLOCK),
            };
            let (base, end) = inner.map_or((span.end(), span.end()), |inner| (inner.base(), inner.end()));
            let edge = |from, to| Some(Piece { span: Span::from_ends(from, to)?, kind: EfiKind::Unusable });
            pieces.extend(edge(span.base(), base));
            pieces.extend(inner.map(|span| Piece { span, kind: self.kind.kind() }));
            pieces.extend(edge(end, span.end()));
        }
        pieces
    }
}

impl EfiMap {
    /// Returns the map as it is once all of `holds` are held: every free piece has the type that was asked
    /// for.
    #[must_use]
    pub fn held(&self, holds: &[Hold]) -> Self {
        let mut map = self.clone();
        for kind in [EfiKind::Reserved, EfiKind::Unusable, EfiKind::BootData] {
            let pieces = holds.iter().flat_map(|hold| hold.pieces(&map));
            let spans: Vec<Span> =
                pieces.filter(|piece| piece.kind == kind).map(|piece| piece.span).collect();
            map = map.with(&spans, |kind| kind.usage() == EfiUse::Free, kind);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::efi::Descriptor;
    use proptest::prelude::*;

    fn hold(base: u64, end: u64, kind: HoldKind) -> Hold {
        Hold { name: "dsp".into(), span: Span::from_ends(base, end).unwrap(), kind }
    }

    fn map() -> EfiMap {
        let descriptor =
            |ty, base: u64, end: u64| Descriptor { ty, base, pages: (end - base) / PAGE, attributes: 8 };
        EfiMap::new([
            descriptor(7, 0x4000_0000, 0x4100_0000),
            descriptor(6, 0x4100_0000, 0x4100_1000),
            descriptor(7, 0x4100_1000, 0x4200_0000),
        ])
    }

    #[test]
    fn reserved_memory_is_asked_for_in_blocks_and_its_edges_exactly() {
        let pieces = hold(0x4000_3000, 0x4003_1000, HoldKind::Reserved).pieces(&map());
        let shown: Vec<_> = pieces.iter().map(|p| (p.span.base(), p.span.end(), p.kind)).collect();
        assert_eq!(
            shown,
            [
                (0x4000_3000, 0x4001_0000, EfiKind::Unusable),
                (0x4001_0000, 0x4003_0000, EfiKind::Reserved),
                (0x4003_0000, 0x4003_1000, EfiKind::Unusable),
            ]
        );
        let small = hold(0x4000_3000, 0x4000_5000, HoldKind::Reserved).pieces(&map());
        assert_eq!(small.iter().map(|p| p.kind).collect::<Vec<_>>(), [EfiKind::Unusable]);
    }

    #[test]
    fn nothing_is_asked_for_that_is_not_free() {
        let all = hold(0x40ff_0000, 0x4101_0000, HoldKind::BootData);
        let pieces = all.pieces(&map());
        assert_eq!(pieces.len(), 2);
        assert!(pieces.iter().all(|p| !p.span.contains(0x4100_0000)));
        let after = map().held(core::slice::from_ref(&all));
        assert_eq!(all.pieces(&after), []);
        assert_eq!(after.memory(), map().memory());
    }

    /// Descriptors in any order: of any type, overlapping, empty, off pages, wrapping around.
    fn descriptors() -> impl Strategy<Value = Vec<Descriptor>> {
        let near = || (0u64..64).prop_map(|n| 0x4000_0000 + n * 0x800);
        let base = prop_oneof![4 => near(), 1 => any::<u64>()];
        let pages = prop_oneof![6 => 0u64..24, 1 => any::<u64>()];
        let ty = prop_oneof![6 => 0u32..16, 1 => any::<u32>()];
        let attributes = prop_oneof![4 => Just(0xfu64), 1 => any::<u64>()];
        let one = (ty, base, pages, attributes).prop_map(|(ty, base, pages, attributes)| Descriptor {
            ty,
            base,
            pages,
            attributes,
        });
        proptest::collection::vec(one, 0..24)
    }

    proptest! {
        #[test]
        fn whatever_the_map_nothing_is_held_that_is_not_free(
            all in descriptors(), base in 0u64..48, len in 1u64..32, reserved: bool,
        ) {
            let map = EfiMap::new(all.iter().copied());
            prop_assert!(map.ranges().windows(2).all(|two| two[0].span.end() <= two[1].span.base()));
            let kind = if reserved { HoldKind::Reserved } else { HoldKind::BootData };
            let hold = hold(0x4000_0000 + base * PAGE, 0x4000_0000 + (base + len) * PAGE, kind);
            let free = map.of_use(EfiUse::Free);
            for piece in hold.pieces(&map) {
                prop_assert!(piece.span.is_aligned(PAGE) && hold.span.covers(piece.span));
                prop_assert_eq!(crate::ledger::coverage(&free, piece.span), crate::ledger::Coverage::All);
                // Memory that any descriptor marks as used is not free.
                for other in all.iter().filter(|d| d.ty != 7 && d.pages > 0) {
                    let end = other.base.saturating_add(other.pages.saturating_mul(PAGE));
                    prop_assert!(piece.span.end() <= other.base || end <= piece.span.base());
                }
            }
            let after = map.held(core::slice::from_ref(&hold));
            prop_assert_eq!(hold.pieces(&after), Vec::new());
            prop_assert_eq!(after.memory(), map.memory());
        }
    }
}
