//! Draws a case from bytes. Each choice takes the next bytes, and zeros once these end, so that a change of
//! one byte is a change of one choice, and nothing is drawn again until it fits.

mod boot;
mod policy;
mod tree;

use crate::generate::Case;
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use ringfence::profile::{PageSize, RELEASES};
use ringfence::span::{MIB, Span};

/// The first address of RAM on most boards.
const RAM: u64 = 0x4000_0000;

/// Draws everything that one run of the pipeline needs.
pub(crate) fn case(bytes: &mut Unstructured<'_>) -> Result<Case> {
    let board = tree::board(bytes)?;
    let policy = if one_in(bytes, 4)? { None } else { policy::policy(bytes, &board)? };
    let facts = boot::facts(bytes, &board)?;
    let mut kernels = Vec::new();
    for _ in 0..up_to(bytes, 1)? + 1 {
        let page = *bytes.choose(&[PageSize::K4, PageSize::K4, PageSize::K16, PageSize::K64])?;
        kernels.push(bytes.choose(RELEASES)?.with_page(page));
    }
    let loader = if one_in(bytes, 8)? { Some(tree::board(bytes)?) } else { None };
    Ok(Case::new(board, loader, policy, kernels, facts))
}

/// Draws a number from 0 to `most`.
fn up_to(bytes: &mut Unstructured<'_>, most: u64) -> Result<u64> {
    bytes.int_in_range(0..=most)
}

/// Draws `true` for one byte of so many.
fn one_in(bytes: &mut Unstructured<'_>, n: u8) -> Result<bool> {
    Ok(bytes.arbitrary::<u8>()? % n == n - 1)
}

/// Draws an address: near others, so that regions meet, or anywhere in 48 bits.
fn base(bytes: &mut Unstructured<'_>) -> Result<u64> {
    Ok(match up_to(bytes, 15)? {
        0..=8 => RAM + up_to(bytes, 63)? * MIB,
        9..=11 => RAM + up_to(bytes, 15)? * 4 * MIB,
        12 => RAM + up_to(bytes, 0x3ff)? * 0x4800,
        13 => RAM + up_to(bytes, 0xff_ffff)?,
        14 => 0xffe0_0000 + up_to(bytes, 63)? * 0x10_0000,
        _ => up_to(bytes, (1 << 48) - 1)?,
    })
}

/// Draws a size, most of them plain.
fn size(bytes: &mut Unstructured<'_>) -> Result<u64> {
    Ok(match up_to(bytes, 15)? {
        0..=7 => (up_to(bytes, 7)? + 1) * MIB,
        8..=10 => (up_to(bytes, 7)? + 1) * 4 * MIB,
        11..=12 => (up_to(bytes, 63)? + 1) * 0x1000,
        13 => up_to(bytes, 0x5000)?,
        14 => 1 << up_to(bytes, 40)?,
        _ => bytes.arbitrary()?,
    })
}

/// Draws a span of whole MiB in the first GiB of RAM.
fn span(bytes: &mut Unstructured<'_>, most: u64) -> Result<Span> {
    let (base, len) = (up_to(bytes, 255)?, up_to(bytes, most)? + 1);
    Ok(Span::new(RAM + base * MIB, len * MIB).expect("it is small, and not empty"))
}
