//! Real Linux through the stage on a tree that is nearly right.

use super::Case;
use crate::boards::virt;
use crate::job::{self, Parts};
use crate::machine::{Level, Ram};
use crate::setup::Series;
use crate::test_bed::TestBed;
use crate::{assertions, dtc, uboot};
use anyhow::{Context, Result, ensure};
use std::time::Duration;

/// What differs between these boots.
#[derive(Clone, Copy)]
struct Main {
    name: &'static str,
    series: Series,
    level: Level,
    ram: Ram,
    through_uboot: bool,
    stress: bool,
}

const MAIN: Main = Main {
    name: "linux-6.12-el2-4G",
    series: Series::V6_12,
    level: Level::El2,
    ram: Ram::GIB_4,
    through_uboot: false,
    stress: false,
};

/// Returns the main job, and one more for each thing that may be different on a board.
pub(super) fn cases() -> Vec<Case> {
    let all = [
        MAIN,
        Main { name: "linux-6.12-el1-4G", level: Level::El1, ..MAIN },
        Main { name: "linux-6.1-el2-4G", series: Series::V6_1, ..MAIN },
        Main { name: "linux-7-el2-4G", series: Series::V7, ..MAIN },
        Main { name: "linux-7-16k-el1-4G", series: Series::V7_PAGES_16K, level: Level::El1, ..MAIN },
        Main { name: "linux-6.12-el2-1G-memory-filled", ram: Ram::GIB, stress: true, ..MAIN },
        Main { name: "linux-6.1-el1-1G", series: Series::V6_1, level: Level::El1, ram: Ram::GIB, ..MAIN },
        Main { name: "linux-6.12-el2-4G-through-u-boot", through_uboot: true, ..MAIN },
    ];
    all.into_iter().map(|main| Case::new(main.name, move |bed, name| boot(bed, name, main))).collect()
}

fn boot(bed: &TestBed, name: &str, main: Main) -> Result<String> {
    let ws = &bed.ws;
    let source = job::default_tree(ws, main.ram);
    let parts = Parts {
        kernel: main.series.image(ws),
        initrd: Some(bed.initrd()?),
        policy: job::policy_of(&source),
        ..Parts::default()
    };
    let bundle = bed.pack(&parts)?;
    let append =
        format!("{} {}{}", virt::APPEND, job::QUICK, if main.stress { " ringfence.stress" } else { "" });
    let tree = dtc::compile(ws, &source)?;
    let mut board = job::board(bed.stage()?.image, Some(bundle), Some(tree), &append);
    board.level = main.level;
    board.ram = main.ram;
    board.more.extend(main.series.processor());
    if main.through_uboot {
        board.entry = uboot::entry(board.entry, &ws.scratch("uboot")?)?;
    }
    let transcript = bed.boot(name, &board, Duration::from_secs(if main.stress { 180 } else { 90 }))?;
    let held = assertions::held(&transcript)?;
    let level = if main.level == Level::El1 { "EL1" } else { "EL2" };
    let hand_off =
        transcript.stage().find(|line| line.starts_with("hand-off: ")).context("no hand-off line")?;
    ensure!(hand_off.ends_with(level), "entered Linux elsewhere than at {level}: {hand_off}");
    let probes = transcript.stage().filter(|line| line.starts_with("probe: ")).collect::<Vec<_>>();
    ensure!(probes.len() == 2 * held.carveouts, "{} probes of {} carveouts", probes.len(), held.carveouts);
    ensure!(
        probes.iter().all(|probe| probe.contains(" faulted (ESR 0x")),
        "a probe did not fault: {probes:?}"
    );
    assertions::filled(&transcript)?;
    Ok(held.to_string())
}
