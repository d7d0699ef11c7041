//! What the policy wants done after a refusal: `on-error` other than to power off, which every other case
//! shows.

use super::{Case, TestBed};
use crate::boards::virt;
use crate::job::{self, Parts};
use crate::machine::Board;
use crate::setup::Series;
use crate::transcript::Ending;
use crate::{assertions, dtc};
use anyhow::{Result, ensure};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// A tree whose carveouts overlap, with a policy that permits no move.
const TREE: &str = "broken/b01-overlap.dts";

/// Returns one case for each value of `on-error`.
pub(super) fn cases() -> Vec<Case> {
    vec![Case::new("on-error-reset", reset), Case::new("on-error-continue", go_on)]
}

/// A reset starts the board again, a power-off would end it: so it is refused twice.
fn reset(bed: &TestBed, name: &str) -> Result<String> {
    const REFUSED: &str = "ringfence: HALT RF201 ";
    let mut board = board(bed, name, "reset", bed.payload()?.image, None)?;
    board.more = RESETS.map(String::from).to_vec();
    let twice = |console: &str| console.matches(REFUSED).count() == 2;
    let transcript = bed.boot_until(name, &board, Duration::from_secs(60), Some(&twice))?;
    ensure!(transcript.ending == Ending::Enough, "the board {}:\n{}", transcript.ending, transcript.tail(8));
    let starts = transcript.stage().filter(|line| line.starts_with("ringfence ")).count();
    ensure!(starts == 2, "the stage started {starts} times");
    Ok("refused, reset, refused again".into())
}

/// Linux comes up, and finds in the report what it was booted with.
fn go_on(bed: &TestBed, name: &str) -> Result<String> {
    let initrd = Some(bed.initrd()?);
    let board = board(bed, name, "continue", Series::V6_12.image(&bed.ws), initrd)?;
    let transcript = bed.boot(name, &board, Duration::from_secs(120))?;
    assertions::came_up(&transcript)?;
    let said = transcript.stage().find(|line| line.starts_with("going on with 1 errors left"));
    ensure!(said.is_some(), "the stage does not report the error that is left");
    let report = transcript.section("report");
    ensure!(report.iter().any(|line| line == "errors = 00000001"), "the report says {report:?}");
    Ok("Linux came up, with the error in log and report".into())
}

/// What makes QEMU reset the board where the guest asks for it, in spite of `-no-reboot` before it.
pub(super) const RESETS: [&str; 2] = ["-action", "reboot=reset"];

fn board(bed: &TestBed, name: &str, word: &str, kernel: PathBuf, initrd: Option<PathBuf>) -> Result<Board> {
    let scenarios = bed.ws.proving_ground().join("scenarios");
    let required = fs::read_to_string(scenarios.join("nine/required.toml"))?;
    let policy = bed.ws.scratch_file("on-error", name, "toml")?;
    fs::write(&policy, required.replace("\"halt\"", &format!("\"{word}\"")))?;
    let bundle = bed.pack(&Parts { kernel, initrd, policy: Some(policy), ..Parts::default() })?;
    let tree = dtc::compile(&bed.ws, &scenarios.join(TREE))?;
    let append = format!("{} {}", virt::APPEND, job::QUICK);
    Ok(job::board(bed.stage()?.image, Some(bundle), Some(tree), &append))
}
