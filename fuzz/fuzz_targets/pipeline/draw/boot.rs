//! Draws what the tree does not say of a boot.

use super::{base, one_in, span, up_to};
use crate::generate::Board;
use crate::generate::boot::EFI_KINDS;
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use ringfence::efi::{EfiKind, EfiMap, EfiRange};
use ringfence::facts::{BootFacts, EfiFacts, Kernel, Position};
use ringfence::span::{MIB, Span};

/// Draws the facts of no boot, or of one with every part of it; by UEFI or not.
pub(super) fn facts(bytes: &mut Unstructured<'_>, board: &Board) -> Result<BootFacts> {
    let mut facts = if one_in(bytes, 3)? { parts(bytes)? } else { BootFacts::default() };
    facts.efi = if one_in(bytes, 6)? { Some(efi(bytes, board)?) } else { None };
    Ok(facts)
}

fn parts(bytes: &mut Unstructured<'_>) -> Result<BootFacts> {
    let form = up_to(bytes, 3)?;
    let placed = |span| if form == 0 { Position::Fixed(span) } else { Position::Movable(span) };
    let kernel = span(bytes, 23)?;
    let report = one_in(bytes, 2)?;
    Ok(BootFacts {
        stage: Span::new(span(bytes, 0)?.base(), 4 * MIB),
        dtb: Span::new(span(bytes, 0)?.base(), 0x1_0000).map(placed),
        initrd: Some(placed(span(bytes, 15)?)),
        kernel: Some(Kernel {
            position: match form {
                2 => Position::Packed(kernel),
                3 => Position::Unplaced(kernel.len()),
                _ => placed(kernel),
            },
            text_offset: 0,
            image_size: kernel.len() + 2 * MIB,
        }),
        report,
        policy_digest: report.then_some([0x5a; 32]),
        ..BootFacts::default()
    })
}

/// Draws an EFI memory map: RAM as the tree has it, free but for some ranges of any kind.
fn efi(bytes: &mut Unstructured<'_>, board: &Board) -> Result<EfiFacts> {
    let mut ranges = Vec::new();
    for _ in 0..up_to(bytes, 5)? {
        let kind = *bytes.choose(&EFI_KINDS)?;
        let span = Span::new(base(bytes)?, (up_to(bytes, 0x7ff)? + 1) * 0x1000);
        ranges.extend(span.and_then(|span| span.outward(0x1000)).map(|span| EfiRange { span, kind }));
    }
    let banks = board.banks.iter().filter_map(|&(base, size)| Span::new(base, size)?.inward(0x1000));
    ranges.extend(banks.map(|span| EfiRange { span, kind: EfiKind::Conventional }));
    Ok(EfiFacts { map: EfiMap::from_ranges(ranges), ..EfiFacts::default() })
}
