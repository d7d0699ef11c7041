//! A board that is reset by an access: RAM stays as it is, so the next boot knows of it.

use super::super::on_error::RESETS;
use super::{CAMERA, Case, alive, board};
use crate::setup::Series;
use crate::test_bed::TestBed;
use crate::transcript::Transcript;
use anyhow::{Result, bail, ensure};
use std::time::Duration;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("sentinel-reset-is-reported", |bed, name| {
            boot(bed, name, "").and_then(|transcript| reported(&transcript).map(str::to_owned))
        }),
        Case::new("sentinel-reset-in-ramoops", in_ramoops),
    ]
}

/// Linux of the next boot reads it, too, where the stage's log is kept in a `ramoops` region.
fn in_ramoops(bed: &TestBed, name: &str) -> Result<String> {
    let transcript = boot(bed, name, "\n[log]\nsize = \"128 KiB\"\n")?;
    let reported = reported(&transcript)?;
    let kept = transcript.section("console-ramoops").iter();
    let kept: Vec<&str> = kept.filter_map(|line| line.strip_prefix("| ringfence: ")).collect();
    ensure!(kept.contains(&reported), "console-ramoops-0 has no `{reported}`: {kept:#?}");
    // Of both boots: the one that was reset, and the one that tells of it.
    let hand_offs = kept.iter().filter(|line| line.starts_with("hand-off: ")).count();
    ensure!(hand_offs == 2, "console-ramoops-0 has {hand_offs} boots: {kept:#?}");
    Ok(format!("in /sys/fs/pstore/console-ramoops-0: {reported}"))
}

/// Boots with a policy that resets on an access, and makes one in the first boot.
fn boot(bed: &TestBed, name: &str, more: &str) -> Result<Transcript> {
    // Marked is a carveout that the policy leaves out.
    let words = format!("ringfence.touch-once={CAMERA},0x84800000");
    let keys = "on-access = \"reset\"\ncarveouts = [\"/reserved-memory/camera@84300000\"]\n";
    let mut board = board(bed, name, Series::V6_12.image(&bed.ws), &format!("{keys}{more}"), &words)?;
    board.more = RESETS.map(String::from).to_vec();
    let transcript = bed.boot(name, &board, Duration::from_secs(180))?;
    alive(&transcript)?;
    Ok(transcript)
}

/// Returns the one line in which the second boot reports the access of the first.
fn reported(transcript: &Transcript) -> Result<&str> {
    let before: Vec<&str> =
        transcript.stage().filter(|line| line.starts_with("before this boot: ")).collect();
    let [before] = before.as_slice() else { bail!("{before:#?}") };
    ensure!(before.contains("EL0 read of carveout camera@84300000 at 0x84300000"), "{before}");
    Ok(before)
}
