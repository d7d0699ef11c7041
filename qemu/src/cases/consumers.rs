//! Drivers that take their memory from regions: each works on the tree as the stage repairs it, and none on
//! the tree as it is.

use super::{Case, TestBed, predicted};
use crate::boards::{BoardConfig, tree, virt, zcu102};
use crate::initramfs::{self, MORE};
use crate::job::{self, Parts};
use crate::machine::Level;
use crate::setup::{self, Series};
use crate::transcript::Transcript;
use crate::{assertions, reserved_nodes};
use anyhow::{Context, Result, ensure};
use ringfence::predict::BootLog;
use ringfence::span::Span;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the disk begins with.
const ON_DISK: &str = "read through it.";

/// A board with the overlay of its drivers' memory.
#[derive(Clone, Copy)]
struct Consumers {
    board: &'static BoardConfig,
    overlay: &'static str,
    /// Whether it has a disk on a bus for which the tree has a restricted pool.
    has_disk: bool,
}

/// Returns two boots of each board.
pub(super) fn cases() -> Vec<Case> {
    let boards = [
        Consumers { board: &virt::ONE_GIB, overlay: "consumers-virt.dtso", has_disk: true },
        Consumers { board: &zcu102::BOARD, overlay: "consumers-zcu102.dtso", has_disk: false },
    ];
    let both = boards.into_iter().flat_map(|consumers| [(consumers, true), (consumers, false)]);
    both.map(|(consumers, repaired)| {
        let name = format!("consumers-{}{}", consumers.board.name, if repaired { "" } else { "-unrepaired" });
        Case::new(name, move |bed, name| {
            let (tree, transcript) = boot(bed, name, consumers, repaired)?;
            compare(bed, name, &tree, repaired, &transcript)?;
            if repaired { serve(&transcript, consumers) } else { fail(&transcript, consumers) }
        })
    })
    .collect()
}

/// Boots the tree, and returns it with what was printed.
fn boot(bed: &TestBed, name: &str, consumers: Consumers, repaired: bool) -> Result<(PathBuf, Transcript)> {
    let (ws, series, config) = (&bed.ws, Series::BUILT, consumers.board);
    let ground = ws.proving_ground();
    let level = Level::El2;
    let overlay = ground.join("boards").join(consumers.overlay);
    let tree = tree::with_overlay(ws, config, level, &overlay, name)?;
    let script = fs::read(ground.join("guest/consumers.sh"))?;
    let module = fs::read(setup::module(ws, series))?;
    let initrd = initramfs::with_files(ws, name, &[(MORE, script), ("ringfence_consumers.ko", module)])?;
    let kernel = series.image(ws);
    let (image, slot) = if repaired {
        let policy = Some(ground.join("boards/consumers.toml"));
        let parts = Parts { kernel, initrd: Some(initrd), policy, ..Parts::default() };
        (bed.stage()?.image, bed.pack(&parts)?)
    } else {
        (kernel, initrd)
    };
    let mut board = job::board(image, Some(slot), Some(tree.clone()), config.append);
    (board.machine, board.level, board.ram) = (config.machine, level, config.ram);
    board.more = config.arguments();
    if consumers.has_disk {
        let disk = ws.scratch_file("guest", name, "disk")?;
        let mut content = ON_DISK.as_bytes().to_vec();
        content.resize(1 << 20, 0);
        fs::write(&disk, content)?;
        // A disk that may see only what it is shown, as one in a virtual machine with protected memory.
        let device = "virtio-blk-device,drive=disk,bus=virtio-mmio-bus.0,iommu_platform=on";
        let drive =
            format!("if=none,id=disk,format=raw,file={}", disk.display().to_string().replace(',', ",,"));
        let arguments = ["-global", "virtio-mmio.force-legacy=false", "-drive", &drive, "-device", device];
        board.more.extend(arguments.map(String::from));
    }
    let transcript = bed.boot(name, &board, Duration::from_secs(240))?;
    assertions::came_up(&transcript)?;
    Ok((tree, transcript))
}

/// Checks that the kernel's lines about restricted pools are the predicted ones.
fn compare(bed: &TestBed, name: &str, tree: &Path, repaired: bool, transcript: &Transcript) -> Result<()> {
    let series = Series::BUILT;
    let prediction = if repaired {
        let policy = bed.ws.proving_ground().join("boards/consumers.toml").display().to_string();
        predicted::of_repaired(bed, name, series, tree, &["--policy", &policy])?
    } else {
        let release = series.release(&bed.ws).context("the kernel has no release")?;
        predicted::of(series, &release, &fs::read(tree)?)?
    };
    let about = |line: &&str| line.contains("restricted DMA pool") || line.contains("id restricted-dma-pool");
    let log = transcript.lines.join("\n");
    let printed: Vec<&str> = BootLog::of(&log).topical().filter(about).collect();
    let expected: Vec<&str> = prediction.log.iter().map(String::as_str).filter(about).collect();
    ensure!(printed == expected, "of restricted pools Linux printed {printed:?}, predicted: {expected:?}");
    Ok(())
}

/// Checks that each driver got memory of its region, and that the restricted pool was announced.
fn serve(transcript: &Transcript, consumers: Consumers) -> Result<String> {
    assertions::held(transcript)?;
    let regions = reserved_nodes::regions(transcript.section("reserved-memory"))?;
    let place = |start: &str| -> Result<Span> {
        let region = regions.iter().find(|region| region.name.starts_with(start));
        let span = region.and_then(|region| region.spans.first().copied());
        span.with_context(|| format!("Linux' tree has no {start}"))
    };
    let mut seen = Vec::new();
    let uses = [
        ("mapped-region", "mapped", "buffer@"),
        ("device-pool", "allocated", "pool@"),
        ("default-pool", "allocated", "frames@"),
    ];
    for (device, did, region) in uses {
        let start = format!("ringfence-consumers {device}: {did} ");
        let span = said(transcript, &start)
            .and_then(range)
            .with_context(|| format!("{device} did not say where"))?;
        let pool = place(region)?;
        ensure!(pool.covers(span), "{device} has {span}, not of {pool}");
        seen.push(format!("{device} {did} {span}"));
    }
    let mut assigned = vec!["pool@61000000"];
    if consumers.has_disk {
        let line = "initialized node restricted@6c000000, compatible id restricted-dma-pool";
        ensure!(said(transcript, line).is_some(), "no line `{line}`");
        assigned.push("restricted@6c000000");
        let section = transcript.section("more");
        ensure!(section.iter().any(|line| *line == format!("disk {ON_DISK}")), "the disk was not read");
        let used = section.iter().find_map(|line| line.strip_prefix("used restricted@6c000000 "));
        let used: u64 = used.and_then(|count| count.parse().ok()).unwrap_or(0);
        ensure!(used > 0, "the restricted pool was not used");
        seen.push(format!("the disk was read through {used} slots of the restricted pool"));
    }
    for region in assigned {
        let line = format!("assigned reserved memory node {region}");
        ensure!(said(transcript, &line).is_some(), "no line `{line}`");
    }
    Ok(seen.join(", "))
}

/// Checks that without the repair no driver got what it needs.
fn fail(transcript: &Transcript, consumers: Consumers) -> Result<String> {
    for failure in [
        "ringfence-consumers mapped-region: failed: memremap",
        "ringfence-consumers device-pool: failed: of_reserved_mem_device_init",
        "ringfence-consumers default-pool: failed: dma_alloc_coherent",
        "memremap attempted on ram",
    ] {
        ensure!(said(transcript, failure).is_some(), "no line `{failure}`");
    }
    if consumers.has_disk {
        let section = transcript.section("more");
        ensure!(section.iter().any(|line| line.starts_with("disk ")), "there is no disk");
        ensure!(
            !section.iter().any(|line| line.starts_with("used restricted@")),
            "a restricted pool was used"
        );
    }
    Ok("as expected, each driver failed on the tree as it is".into())
}

/// Returns the rest of the first line that has `start` in it.
fn said<'t>(transcript: &'t Transcript, start: &str) -> Option<&'t str> {
    transcript.lines.iter().find_map(|line| line.split_once(start).map(|(_, rest)| rest))
}

/// Reads `0xFIRST..0xLAST`.
fn range(text: &str) -> Option<Span> {
    let (first, last) = text.split_once("..")?;
    let number = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    Span::from_ends(number(first)?, number(last)?.checked_add(1)?)
}
