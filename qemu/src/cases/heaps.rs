//! DMA-BUF heaps on the pools of a tree, compressed swap, and memory under pressure, on a kernel built with
//! them.

use super::{Case, TestBed, predicted};
use crate::boards::virt;
use crate::initramfs::{self, MORE};
use crate::job::{self, Parts};
use crate::machine::Ram;
use crate::setup::{CROSS_CC, Series};
use crate::shell::run;
use crate::{assertions, dtc};
use anyhow::{Context, Result, ensure};
use ringfence::span::Span;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Words at the start and the end of the carveout.
const MARKS: [&str; 2] = ["0x64300000", "0x647ffffc"];
/// What is written there.
const MARK: &str = "0x5AF0C0DE";
/// MiB that are allocated from each heap.
const SIZE: u64 = 4;

/// Returns the one boot.
pub(super) fn cases() -> Vec<Case> {
    vec![Case::new("heaps", boot)]
}

fn boot(bed: &TestBed, name: &str) -> Result<String> {
    let (ws, series) = (&bed.ws, Series::BUILT);
    let source = ws.proving_ground().join("boards/heaps.dts");
    let tree = dtc::compile(ws, &source)?;
    let script = fs::read(ws.proving_ground().join("guest/heaps.sh"))?;
    let added = [(MORE, script), ("heaps", fs::read(program(bed)?)?)];
    let initrd = initramfs::with_files(ws, name, &added)?;
    let parts = Parts { kernel: series.image(ws), initrd: Some(initrd), ..Parts::default() };
    let append = format!("{} ringfence.marks={}", virt::APPEND, MARKS.join(","));
    let mut board = job::board(bed.stage()?.image, Some(bed.pack(&parts)?), Some(tree.clone()), &append);
    board.ram = Ram::GIB;
    let transcript = bed.boot(name, &board, Duration::from_secs(240))?;
    let held = assertions::held(&transcript)?;

    let section = transcript.section("more");
    let allocated = allocated(section);
    let mut heaps = predicted::of_repaired(bed, name, series, &tree, &["--ram=0x40000000:1GiB"])?.heaps;
    heaps.retain(|heap| !heap.is_refused);
    let offered: Vec<&str> = heaps.iter().map(|heap| heap.name.as_str()).collect();
    let mut found: Vec<&str> = allocated.keys().copied().collect();
    let mut expected = offered.clone();
    expected.sort_unstable();
    found.sort_unstable();
    ensure!(found == expected, "heaps that gave memory: {found:?}, predicted: {expected:?}\n{section:#?}");
    for heap in &heaps {
        let got = allocated.get(heap.name.as_str()).context("checked above")?;
        match heap.span {
            Some(pool) => ensure!(pool.covers(*got), "{}: {got} is not inside its pool {pool}", heap.name),
            // The page allocator may use pools, too, as they are reusable; nothing is to be said of it.
            None => ensure!(!heap.is_pool, "{}: the place of its pool is unknown", heap.name),
        }
        let refused = format!("{} 1024 MiB: ", heap.name);
        let too_much = section.iter().find_map(|line| line.strip_prefix(&refused));
        ensure!(
            too_much.is_some_and(|why| why == "Cannot allocate memory") == heap.is_pool,
            "{}: 1 GiB ended with {too_much:?}",
            heap.name
        );
    }
    let line = |start: &str| section.iter().find_map(|line| line.strip_prefix(start));
    let filled = line("filled ").context("memory was not filled")?;
    ensure!(filled.ends_with(", status 0"), "filling memory ended with: {filled}");
    let swapped: u64 = line("swapped ").and_then(|rest| rest.split(' ').next()?.parse().ok()).unwrap_or(0);
    ensure!(swapped > 0, "nothing was swapped out");
    for mark in MARKS {
        let now = line(&format!("mark {mark} "));
        ensure!(now == Some(MARK), "the carveout's word at {mark} is {now:?}");
    }
    let names = offered.join(", ");
    Ok(format!("{held}; {SIZE} MiB each from {names}; {swapped} MiB swapped, the carveout unchanged"))
}

/// Compiles the program that allocates.
fn program(bed: &TestBed) -> Result<PathBuf> {
    let source = bed.ws.proving_ground().join("guest/heaps.c");
    bed.made("heaps", &[&source], |name| {
        let path = bed.ws.scratch_file("guest", name, "elf")?;
        let mut cc = Command::new(CROSS_CC);
        run(cc.args(["-static", "-s", "-O2", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&path).arg(&source))?;
        Ok(path)
    })
}

/// Reads lines `NAME 4 MiB: 0xBASE..0xEND`.
fn allocated(section: &[String]) -> BTreeMap<&str, Span> {
    let number = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    section
        .iter()
        .filter_map(|line| {
            let (name, place) = line.split_once(&format!(" {SIZE} MiB: "))?;
            let (base, end) = place.split_once("..")?;
            Some((name, Span::from_ends(number(base)?, number(end)?)?))
        })
        .collect()
}
