//! With the MMU off all memory is device memory, where an access that is not aligned faults: on hardware, and
//! on QEMU since 9.0.

use super::{Case, payload, placement};
use crate::boards::tree;
use crate::machine::{Board, Level};
use crate::profile::Symbols;
use crate::setup;
use crate::test_bed::TestBed;
use crate::transcript::Ending;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::time::Duration;

/// Returns the boots: both ways to make the first map, both levels, and a stage that is not aligned.
pub(super) fn cases() -> Vec<Case> {
    let places = placement::entered().filter(|place| PLACES.contains(&place.name));
    let places = places.map(|place| {
        Case::new(place.name.replace("placement", "alignment"), move |bed, name| {
            enters(bed, name, placement::board(bed, name, place)?)
        })
    });
    let levels = [("alignment-el1", Level::El1), ("alignment-el2", Level::El2)].map(|(name, level)| {
        Case::new(name, move |bed, name| enters(bed, name, payload::board(bed, bed.stage()?.image, level)?))
    });
    let broken = Case::new("alignment-is-needed", is_needed);
    places.chain(levels).chain([broken]).collect()
}

const PLACES: [&str; 3] =
    ["placement-stage-at-4-kib", "placement-garbage-at-4-kib", "placement-stage-across-1-gib"];

fn enters(bed: &TestBed, name: &str, mut board: Board) -> Result<String> {
    board.emulator = Some(setup::new_qemu(&bed.ws));
    placement::passed(&bed.boot(name, &board, Duration::from_secs(60))?)
}

/// With one access that is not aligned, to the root table before the MMU is on, the stage does not come to
/// its first line.
fn is_needed(bed: &TestBed, name: &str) -> Result<String> {
    const IC_IALLU: u32 = 0xd508_751f;
    /// `ldur x4, [x1, #1]`: a register that is not used any more, and the root.
    const UNALIGNED: u32 = 0xf840_1024;
    let built = bed.stage()?;
    let mut image = fs::read(&built.image)?;
    let from = Symbols::of(&fs::read(&built.elf)?)?.address("enable_map").context("no enable_map")?;
    let words = image.chunks_exact_mut(4).skip(usize::try_from(from / 4)?);
    let mut found = words.filter(|word| **word == IC_IALLU.to_le_bytes());
    // That of EL1, and then that of EL2.
    for _ in 0..2 {
        found.next().context("no `ic iallu` in enable_map")?.copy_from_slice(&UNALIGNED.to_le_bytes());
    }
    let image = tree::keep(&bed.ws.scratch_file("alignment", name, "img")?, &image)?;
    let mut board = payload::board(bed, image, Level::El2)?;
    board.emulator = Some(setup::new_qemu(&bed.ws));
    let transcript = bed.boot(name, &board, Duration::from_secs(5))?;
    ensure!(transcript.lines.is_empty(), "it came so far:\n{}", transcript.tail(8));
    ensure!(matches!(transcript.ending, Ending::TimedOut(_)), "the board {}", transcript.ending);
    Ok("an access that is not aligned stops the stage".into())
}
