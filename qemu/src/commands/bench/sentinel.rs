//! The cost of the sentinel: bytes, and the instructions of a whole boot of Linux with and without it.

use super::{LIMIT, Measured};
use crate::boards::virt;
use crate::counter;
use crate::job::{self, Parts};
use crate::machine::Board;
use crate::sentinel::watching;
use crate::setup::Series;
use crate::transcript::Transcript;
use crate::{dtc, parallel, runner};
use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Bytes of the sentinel's code at most.
const CODE: u64 = 16 << 10;

/// Counts every instruction from the start to the power-off of Linux 6.12, and those of the sentinel.
pub(super) fn measure(bench: &Measured<'_>) -> Result<Value> {
    let ws = &bench.bed.ws;
    let plain = job::policy_of(&bench.tree);
    let wanting = watching(ws, plain.as_deref(), "bench", "")?;
    let with = boot(bench, "bench-sentinel", &bench.bed.with_sentinel()?.image, Some(wanting))?;
    let without = boot(bench, "bench-no-sentinel", &bench.bed.stage()?.image, plain)?;
    // A first run, which ends there, tells where the sentinel is.
    let is_installed = |console: &str| console.contains("ringfence: hand-off: ");
    let installed = runner::run_until(&with, LIMIT, &mut io::sink(), Some(&is_installed))?;
    let (bytes, base, tables) = figures(&installed).context("the stage did not install the sentinel")?;
    let boots = [("bench-sentinel", with, base), ("bench-no-sentinel", without, 0)];
    let counts = parallel::each(&boots, parallel::AT_A_TIME, |(name, board, base)| {
        count(bench, name, board.clone(), *base)
    })?;
    let [counted, alone] = counts.try_into().map_err(|_| anyhow!("a boot was not counted"))?;
    let (counted, alone) = (counted?, alone?);
    Ok(json!({
        "resident_bytes": bytes,
        "stage2_tables": tables,
        "instructions_of_a_boot": counted.all,
        "instructions_of_a_boot_without": alone.all,
        "instructions_in_the_sentinel": counted.inside,
        "exits": counted.entries,
        "parts_per_million": counted.inside.saturating_mul(1_000_000) / counted.all.max(1),
    }))
}

fn boot(bench: &Measured<'_>, name: &str, image: &Path, policy: Option<PathBuf>) -> Result<Board> {
    let ws = &bench.bed.ws;
    let parts = Parts {
        kernel: Series::V6_12.image(ws),
        initrd: Some(bench.bed.initrd()?),
        policy,
        ..Parts::default()
    };
    let bundle = bench.tool.pack(ws, name, &parts)?;
    let tree = dtc::compile(ws, &bench.tree)?;
    let append = format!("{} {}", virt::APPEND, job::QUICK);
    Ok(job::board(image.into(), Some(bundle), Some(tree), &append))
}

fn count(bench: &Measured<'_>, name: &str, mut board: Board, base: u64) -> Result<counter::Share> {
    let out = bench.bed.ws.scratch("counts")?.join(name);
    let _ = fs::remove_file(&out);
    board.plugin = Some(bench.share.argument(base, CODE, &out));
    let transcript = runner::run(&board, LIMIT, &mut io::sink())?;
    ensure!(transcript.linux_came_up(), "{name}: {}\n{}", transcript.ending, transcript.tail(12));
    counter::read_share(&out)
}

/// Reads `sentinel: BYTES bytes at BASE, … in TABLES tables, …`.
fn figures(transcript: &Transcript) -> Option<(u64, u64, u64)> {
    let line =
        transcript.stage().find(|line| line.starts_with("sentinel: ") && line.contains(" bytes at "))?;
    let (bytes, rest) = line.strip_prefix("sentinel: ")?.split_once(" bytes at 0x")?;
    let base = u64::from_str_radix(rest.split(',').next()?, 16).ok()?;
    let tables = rest.split_once(" bits in ")?.1.split(' ').next()?.parse().ok()?;
    Some((bytes.parse().ok()?, base, tables))
}
