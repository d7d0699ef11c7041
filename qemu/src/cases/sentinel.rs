//! The sentinel: what it answers to a payload at EL1, and to Linux on several processors; what it does on an
//! access; and where it is refused.

mod extensions;
mod resets;

use super::{Case, refused};
use crate::boards::{BoardConfig, raspi3b, tree, virt};
use crate::cache::{LINE, Subject};
use crate::job::{self, Parts};
use crate::machine::{Board, Entry, Level, Loaded, Machine};
use crate::sentinel::{ON_CONSOLE, watching};
use crate::setup::Series;
use crate::test_bed::TestBed;
use crate::transcript::{Ending, Transcript};
use crate::{dtc, initramfs};
use anyhow::{Context, Result, anyhow, bail, ensure};
use ringfence::fdt::{Edits, Tree, rewrite};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// The carveout that is touched.
const CAMERA: &str = "0x84300000";
/// The same on the boards of the matrix.
const OTHER_CAMERA: &str = "0x54300000";

/// In the order of what they ask of it.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("sentinel-against-a-trespasser", trespasser),
        Case::new("sentinel-linux-on-4-cpus", four_processors),
        Case::new("sentinel-log-goes-on", log_goes_on),
        Case::new("sentinel-outlives-kexec", kexec),
        Case::new("sentinel-idle-and-suspend", idle_and_suspend),
        Case::new("sentinel-raspi3b", spin_table),
        Case::new("sentinel-refused-at-el1", at_el1),
        Case::new("sentinel-not-in-this-image", not_in_this_image),
    ];
    cases.extend(resets::cases());
    cases.extend(extensions::cases());
    cases
}

/// Returns a `virt` board with 4 GiB and the sentinel, whose policy has these keys.
fn board(bed: &TestBed, name: &str, kernel: PathBuf, keys: &str, append: &str) -> Result<Board> {
    let ws = &bed.ws;
    let source = ws.proving_ground().join("boards/virt-4g.dts");
    let policy = watching(ws, job::policy_of(&source).as_deref(), name, keys)?;
    let parts = Parts { kernel, initrd: Some(bed.initrd()?), policy: Some(policy), ..Parts::default() };
    let bundle = bed.tool()?.pack(ws, name, &parts)?;
    let tree = dtc::compile(ws, &source)?;
    let append = format!("{} {} {append}", virt::APPEND, job::QUICK);
    Ok(job::board(bed.with_sentinel()?.image, Some(bundle), Some(tree), append.trim_end()))
}

/// Returns a `virt` board with GICv3, four processors and the sentinel.
fn four(bed: &TestBed, name: &str, parts: Parts, keys: &str, append: &str) -> Result<Board> {
    let config = &virt::GIC3;
    let policy = Some(watching(&bed.ws, None, name, keys)?);
    let bundle = bed.tool()?.pack(&bed.ws, name, &Parts { policy, ..parts })?;
    let append = format!("{} {} {append}", virt::APPEND, job::QUICK);
    let tree = bed.tree(config, Level::El2)?;
    let mut board = job::board(bed.with_sentinel()?.image, Some(bundle), Some(tree), append.trim_end());
    (board.ram, board.more) = (config.ram, config.arguments());
    Ok(board)
}

/// Returns the boot that the model of a cache follows to the sentinel, which is entered in the kernel's
/// place.
pub(super) fn subject(bed: &TestBed, name: &str) -> Result<Subject> {
    let kernel = bed.payload()?.image;
    Ok(Subject { board: board(bed, name, kernel.clone(), ON_CONSOLE, "")?, kernel, line: LINE })
}

fn trespasser(bed: &TestBed, name: &str) -> Result<String> {
    /// How many checks the payload makes.
    const CHECKS: usize = 35;
    let parts = Parts { kernel: bed.trespasser()?, ..Parts::default() };
    let board = four(bed, name, parts, ON_CONSOLE, "")?;
    let transcript = bed.boot(name, &board, Duration::from_secs(60))?;
    let said: Vec<&str> =
        transcript.lines.iter().filter_map(|line| line.strip_prefix("trespasser: ")).collect();
    let wrong: Vec<&&str> = said.iter().filter(|line| line.starts_with("FAIL")).collect();
    ensure!(wrong.is_empty(), "{wrong:#?}");
    let passed = said.iter().filter(|line| line.starts_with("PASS")).count();
    ensure!(passed == CHECKS, "{passed} checks:\n{}", transcript.tail(12));
    ensure!(transcript.ending == Ending::PoweredOff, "the board {}", transcript.ending);
    Ok(format!("{passed} checks at EL1 pass"))
}

fn four_processors(bed: &TestBed, name: &str) -> Result<String> {
    let words = format!("ringfence.touch-on-all={OTHER_CAMERA} ringfence.replug");
    let words = format!("{words} ringfence.touch-on-all={OTHER_CAMERA} ringfence.driver={OTHER_CAMERA}");
    let parts =
        Parts { kernel: Series::V6_12.image(&bed.ws), initrd: Some(bed.initrd()?), ..Parts::default() };
    let board = four(bed, name, parts, ON_CONSOLE, &words)?;
    // The driver dies with a lock that the power-off waits for.
    let transcript = bed.boot_until(name, &board, Duration::from_secs(180), Some(&at_end))?;
    alive(&transcript)?;
    let touched = touched(&transcript, "touch-on-all");
    ensure!(
        touched.len() == 8 && touched.iter().all(|line| line.ends_with("no value, status 135")),
        "{touched:#?}"
    );
    for cpu in 0..4 {
        let wanted = format!("at {OTHER_CAMERA}, PC 0x");
        let reported = accesses(&transcript)
            .filter(|line| line.contains("EL0 read of carveout camera@54300000") && line.contains(&wanted))
            .filter(|line| line.contains(&format!(", CPU {cpu:#x},")))
            .count();
        ensure!(reported == 2, "{reported} accesses of processor {cpu} reported");
    }
    let online: Vec<&String> =
        transcript.section("replug").iter().filter(|line| !line.starts_with("ringfence")).collect();
    ensure!(online == ["0", "0-3"], "processors online: {online:?}");
    // The driver's access is an oops of its own process.
    let driver: Vec<&str> = accesses(&transcript).filter(|line| line.contains(": EL1 ")).collect();
    let Some(driver) = driver.first() else { bail!("no access of the kernel reported") };
    let oops =
        transcript.lines.iter().filter(|line| line.contains("Internal error: synchronous external abort"));
    ensure!(oops.count() == 1, "the driver had no oops:\n{:#?}", transcript.section("driver"));
    Ok(format!("8 accesses of 4 processors fail, 4 of them after a hotplug, and a driver's: {driver}"))
}

fn log_goes_on(bed: &TestBed, name: &str) -> Result<String> {
    let words = format!("ringfence.touch={CAMERA},{CAMERA}");
    let keys = format!("on-access = \"log\"\n{ON_CONSOLE}");
    let transcript = bed.boot(
        name,
        &board(bed, name, Series::V6_1.image(&bed.ws), &keys, &words)?,
        Duration::from_secs(120),
    )?;
    alive(&transcript)?;
    let touched = touched(&transcript, "touch");
    ensure!(
        touched.len() == 2 && touched.iter().all(|line| line.ends_with("0x00000000, status 0")),
        "{touched:#?}"
    );
    let reported = accesses(&transcript).count();
    ensure!(reported == 1, "{reported} accesses reported: the page is mapped after the first");
    Ok("the first access is reported, both go through".into())
}

/// The `virt` board with a security extension, so that a firmware of the tests has EL3.
static SECURE: Machine = Machine {
    name: "virt",
    help: "",
    qemu: "virt,acpi=off,secure=on",
    oldest_qemu: 7,
    has_virtualization: true,
    arguments: &["-cpu", "cortex-a72"],
};
/// Four processors that can be powered down while they are idle.
static IDLE: BoardConfig = BoardConfig {
    name: "virt-gicv2-4cpu-idle",
    processors: 4,
    overlay: ("virt/idle.dtso", 1),
    arguments: &["-machine", "gic-version=2", "-smp", "4"],
    ..virt::GIC2
};

/// A firmware whose processors lose all state at EL2 when they are idle, off or suspended.
fn idle_and_suspend(bed: &TestBed, name: &str) -> Result<String> {
    let ws = &bed.ws;
    let policy = Some(watching(ws, None, name, ON_CONSOLE)?);
    let (kernel, initrd) = (Series::V6_12.image(ws), Some(bed.initrd()?));
    let append_to = Some(bed.with_sentinel()?.image);
    let image =
        bed.tool()?.pack(ws, name, &Parts { kernel, initrd, policy, append_to, ..Parts::default() })?;
    let words = format!(
        "ringfence.idle=3 ringfence.replug ringfence.suspend=3 ringfence.touch-on-all={OTHER_CAMERA}"
    );
    let append = format!("{} {} {words}", virt::APPEND, job::QUICK);
    let whole = tree::whole(ws, &IDLE, Level::El2)?;
    let tree = tree::with_bootargs(&whole, &ws.scratch_file("sentinel", name, "dtb")?, &append)?;
    let mut more = IDLE.arguments();
    for (option, file) in [("-bios", bed.firmware()?), ("-dtb", tree)] {
        more.extend([option.to_owned(), file.display().to_string()]);
    }
    let entry = Entry::Raw { loaded: vec![Loaded { file: image, at: 0x4020_0000 }], start: 0 };
    let board = Board {
        machine: &SECURE,
        level: Level::El2,
        ram: IDLE.ram,
        entry,
        plugin: None,
        emulator: None,
        more,
    };
    // It has no SYSTEM_OFF: the script's end is the end.
    let transcript = bed.boot_until(name, &board, Duration::from_secs(180), Some(&at_end))?;
    alive(&transcript)?;
    let idle: Vec<u64> = transcript.section("idle").iter().filter_map(|line| line.parse().ok()).collect();
    ensure!(idle.len() == 4 && idle.iter().all(|&times| times > 0), "{:?}", transcript.section("idle"));
    let woke = transcript.section("suspend").iter().any(|line| line == "woke, status 0");
    ensure!(woke, "no suspend: {:#?}", transcript.section("suspend"));
    let touched = touched(&transcript, "touch-on-all");
    ensure!(
        touched.len() == 4 && touched.iter().all(|line| line.ends_with("no value, status 135")),
        "{touched:#?}"
    );
    ensure!(accesses(&transcript).count() == 4, "not every access is reported");
    Ok(format!(
        "{} times powered down while idle, once suspended, then 4 accesses fail",
        idle.iter().sum::<u64>()
    ))
}

/// A kernel that another one started: its tree lacks the carveout, and so does its memory.
fn kexec(bed: &TestBed, name: &str) -> Result<String> {
    let ws = &bed.ws;
    let config = &virt::GIC3;
    let whole = fs::read(bed.tree(config, Level::El2)?)?;
    let small = fs::read(initramfs::with_files(ws, "next", &[])?)?;
    let append = format!("{} {} ringfence.touch-on-all={OTHER_CAMERA}", virt::APPEND, job::QUICK);
    let tree = forgetful(&whole, small.len(), &append)?;
    let kernel = Series::V6_12.image(ws);
    let files = [
        ("next-kernel", bed.next_kernel()?),
        ("Image", fs::read(&kernel)?),
        ("initrd", small),
        ("dtb", tree),
    ];
    let initrd = Some(initramfs::with_files(ws, name, &files)?);
    let keys = format!("base = \"{:#x}\"\n{ON_CONSOLE}", HOLE.0);
    let board = four(bed, name, Parts { kernel, initrd, ..Parts::default() }, &keys, "ringfence.kexec")?;
    let transcript = bed.boot(name, &board, Duration::from_secs(240))?;
    alive(&transcript)?;
    let kernels =
        transcript.lines.iter().filter(|line| line.contains("Booting Linux on physical CPU")).count();
    ensure!(kernels == 2, "{kernels} kernels:\n{}", transcript.tail(20));
    let touched = touched(&transcript, "touch-on-all");
    ensure!(
        touched.len() == 4 && touched.iter().all(|line| line.ends_with("no value, status 135")),
        "{touched:#?}"
    );
    ensure!(accesses(&transcript).count() == 4, "not every access is reported");
    Ok("the second kernel does not know the carveout, and 4 accesses of its processors fail".into())
}

/// The sentinel's memory, with that carveout after it: what is not RAM to the second kernel.
const HOLE: (u64, u64) = (0x5428_0000, 0x58_0000);

/// Returns a tree for a second kernel: without the carveout and its memory, with an initial ramdisk where
/// `next-kernel` puts it.
fn forgetful(dtb: &[u8], initrd: usize, bootargs: &str) -> Result<Vec<u8>> {
    let tree = Tree::parse(dtb).map_err(|error| anyhow!("{error}"))?;
    let node = |path: &str| tree.find(path).map(|node| node.id()).with_context(|| format!("no {path}"));
    let mut edits = Edits::new();
    edits.remove_node(node("/reserved-memory/camera@54300000")?);
    let memory = node("/memory@40000000")?;
    let reg = tree.node(memory).prop("reg").context("no RAM")?.value;
    let (base, size) = reg.split_first_chunk::<8>().context("no RAM")?;
    let (base, size) = (u64::from_be_bytes(*base), u64::from_be_bytes(size.try_into()?));
    let (hole, hole_size) = HOLE;
    let banks = [base, hole - base, hole + hole_size, base + size - (hole + hole_size)];
    edits.set(memory, "reg", banks.iter().flat_map(|word| word.to_be_bytes()).collect());
    let chosen = node("/chosen")?;
    let at = 0x6800_0000_u64;
    edits.set(chosen, "linux,initrd-start", at.to_be_bytes().to_vec());
    edits.set(chosen, "linux,initrd-end", (at + initrd as u64).to_be_bytes().to_vec());
    edits.set(chosen, "bootargs", format!("{bootargs}\0").into_bytes());
    rewrite(&tree, &edits).map_err(|error| anyhow!("{error}"))
}

fn spin_table(bed: &TestBed, name: &str) -> Result<String> {
    let ws = &bed.ws;
    let config = &raspi3b::BOARD;
    let policy = watching(ws, None, name, ON_CONSOLE)?;
    let kernel = config.kernel(ws, Series::V6_12);
    let parts = Parts { kernel, initrd: Some(bed.initrd()?), policy: Some(policy), ..Parts::default() };
    let bundle = bed.tool()?.pack(ws, name, &parts)?;
    let tree = tree::whole(ws, config, Level::El2)?;
    let append = format!("{} {} ringfence.touch-on-all=0x10000000", config.append, job::QUICK);
    let mut board = job::board(bed.with_sentinel()?.image, Some(bundle), Some(tree), &append);
    (board.machine, board.ram, board.more) = (config.machine, config.ram, config.arguments());
    let transcript = bed.boot(name, &board, Duration::from_secs(300))?;
    alive(&transcript)?;
    let took = transcript.stage().filter(|line| line.starts_with("sentinel: took processor ")).count();
    ensure!(took == 3, "{took} processors taken out of the spin table");
    let touched = touched(&transcript, "touch-on-all");
    ensure!(
        touched.len() == 4 && touched.iter().all(|line| line.ends_with("no value, status 135")),
        "{touched:#?}"
    );
    ensure!(accesses(&transcript).count() >= 4, "not every access is reported");
    Ok("4 processors of a spin table, an access of each fails".into())
}

fn at_el1(bed: &TestBed, name: &str) -> Result<String> {
    let mut board = board(bed, name, Series::V6_12.image(&bed.ws), ON_CONSOLE, "")?;
    board.level = Level::El1;
    let transcript = bed.boot(name, &board, Duration::from_secs(60))?;
    let halt = refused(&transcript)?;
    ensure!(halt.contains("EL1") || halt.contains("RF803"), "{halt}");
    Ok(halt.to_owned())
}

fn not_in_this_image(bed: &TestBed, name: &str) -> Result<String> {
    let mut board = board(bed, name, Series::V6_12.image(&bed.ws), ON_CONSOLE, "")?;
    if let Entry::Linux { kernel, .. } = &mut board.entry {
        *kernel = bed.stage()?.image;
    }
    let transcript = bed.boot(name, &board, Duration::from_secs(60))?;
    let halt = refused(&transcript)?;
    ensure!(halt.contains("ringfence-sentinel.img"), "{halt}");
    Ok(halt.to_owned())
}

/// Tells whether the script has come to its end.
fn at_end(console: &str) -> bool {
    console.contains("=== end ===")
}

/// Returns what the script saw of the accesses that it made.
fn touched<'t>(transcript: &'t Transcript, section: &str) -> Vec<&'t str> {
    let lines = transcript.section(section).iter().map(String::as_str);
    lines.filter(|line| line.contains(" on CPU ")).collect()
}

/// Returns the accesses that were reported on the console.
fn accesses(transcript: &Transcript) -> impl Iterator<Item = &str> {
    transcript.stage().filter(|line| line.starts_with("sentinel: EL"))
}

/// Fails unless Linux ran the script to its end, and the stage had installed the sentinel.
fn alive(transcript: &Transcript) -> Result<()> {
    ensure!(
        transcript.linux_came_up() && matches!(transcript.ending, Ending::PoweredOff | Ending::Enough),
        "the board {}:\n{}\n{}",
        transcript.ending,
        transcript.tail(12),
        transcript.complaints
    );
    let line = transcript.stage().find(|line| line.starts_with("sentinel: ") && line.contains("ring at 0x"));
    line.context("the stage did not install the sentinel")?;
    let handed = transcript.stage().any(|line| line.starts_with("hand-off: ") && line.ends_with(" EL1"));
    ensure!(handed, "Linux was not entered at EL1");
    Ok(())
}
