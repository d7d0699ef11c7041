//! The state in which the stage enters a kernel, judged by a payload in the kernel's place.

use super::Case;
use crate::boards::virt;
use crate::dtc;
use crate::job::{self, Parts};
use crate::machine::{Board, Level, Ram};
use crate::test_bed::TestBed;
use crate::transcript::Ending;
use anyhow::{Context, Result, ensure};
use std::path::PathBuf;
use std::time::Duration;

/// At both levels, and by an image without the EFI face.
pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("entry-state-el1", |bed, name| boot(bed, name, bed.stage()?.image, Level::El1)),
        Case::new("entry-state-el2", |bed, name| boot(bed, name, bed.stage()?.image, Level::El2)),
        Case::new("entry-state-without-efi", |bed, name| boot(bed, name, bed.bare()?.image, Level::El2))
            .long(),
    ]
}

fn boot(bed: &TestBed, name: &str, image: PathBuf, level: Level) -> Result<String> {
    let said = if level == Level::El1 { "EL1" } else { "EL2" };
    let transcript = bed.boot(name, &board(bed, image, level)?, Duration::from_secs(30))?;
    let mut said_by_payload = transcript.lines.iter().filter_map(|line| line.strip_prefix("payload: "));
    let state = said_by_payload.next().with_context(|| format!("no payload:\n{}", transcript.tail(8)))?;
    ensure!(state.split(' ').next() == Some(said), "entered at another level: {state}");
    let last = said_by_payload.next_back().unwrap_or_default();
    ensure!(last == "PASS", "{last}; {state}");
    ensure!(transcript.ending == Ending::PoweredOff, "the board {}", transcript.ending);
    Ok(state.to_owned())
}

/// Returns a board on which this image of the stage enters the payload.
pub(super) fn board(bed: &TestBed, image: PathBuf, level: Level) -> Result<Board> {
    let source = job::default_tree(&bed.ws, Ram::GIB_4);
    let policy = job::policy_of(&source);
    let parts = Parts { kernel: bed.payload()?.image, policy, ..Parts::default() };
    let bundle = bed.pack(&parts)?;
    let tree = dtc::compile(&bed.ws, &source)?;
    let mut board = job::board(image, Some(bundle), Some(tree), virt::APPEND);
    board.level = level;
    Ok(board)
}
