//! What the tree does not say of a boot.

use super::Board;
use super::trees::{RAM, base};
use proptest::prelude::*;
use ringfence::efi::{EfiKind, EfiMap, EfiRange};
use ringfence::facts::{BootFacts, Detail, EfiFacts, Kernel, Position};
use ringfence::span::{MIB, Span};

/// Returns the facts of no boot, or of one with every part of it; by UEFI as often as that probability says.
pub(super) fn facts(board: &Board, by_efi: f64) -> impl Strategy<Value = BootFacts> + use<> {
    let at = || (0u64..48).prop_map(|n| RAM + n * MIB);
    let boot = (at(), at(), at(), at(), 1u64..24, 0..4, any::<bool>()).prop_map(
        |(stage, dtb, kernel, initrd, mib, form, report)| {
            let placed = |base, size| {
                let span = Span::new(base, size).unwrap();
                if form == 0 { Position::Fixed(span) } else { Position::Movable(span) }
            };
            BootFacts {
                stage: Span::new(stage, 0x40_0000),
                bundle: None,
                dtb: Some(placed(dtb, 0x1_0000)),
                kernel: Some(Kernel {
                    position: match form {
                        2 => Position::Packed(Span::new(kernel, mib * MIB / 3).unwrap()),
                        3 => Position::Unplaced(mib * MIB),
                        _ => placed(kernel, mib * MIB),
                    },
                    text_offset: 0,
                    image_size: (mib + 2) * MIB,
                }),
                initrd: Some(placed(initrd, mib * 0x8_0800)),
                ram: Vec::new(),
                efi: None,
                loader: None,
                firmware: Vec::new(),
                detail: Detail::Full,
                report,
                dma_limit: None,
                predictor: None,
                policy_digest: report.then_some([0x5a; 32]),
            }
        },
    );
    let facts = prop_oneof![2 => Just(BootFacts::default()), 1 => boot];
    (facts, prop::option::weighted(by_efi, efi(board))).prop_map(|(facts, efi)| BootFacts { efi, ..facts })
}

/// Of what kind ranges are that are not free.
pub(crate) const EFI_KINDS: [EfiKind; 6] = [
    EfiKind::BootData,
    EfiKind::LoaderData,
    EfiKind::Reserved,
    EfiKind::RuntimeData,
    EfiKind::AcpiReclaim,
    EfiKind::Device,
];

/// Returns an EFI memory map: RAM as the tree has it, free but for some ranges of any kind.
fn efi(board: &Board) -> impl Strategy<Value = EfiFacts> + use<> {
    let banks: Vec<Span> = board.banks.iter().filter_map(|&(base, size)| Span::new(base, size)).collect();
    let kind = prop::sample::select(&EFI_KINDS);
    let range = (base(), 1u64..0x800, kind).prop_map(|(base, pages, kind)| {
        let span = Span::new(base, pages * 0x1000).unwrap().outward(0x1000).unwrap();
        EfiRange { span, kind }
    });
    prop::collection::vec(range, 0..5).prop_map(move |mut ranges| {
        let free = banks.iter().filter_map(|bank| bank.inward(0x1000));
        ranges.extend(free.map(|span| EfiRange { span, kind: EfiKind::Conventional }));
        EfiFacts { map: EfiMap::from_ranges(ranges), ..EfiFacts::default() }
    })
}
