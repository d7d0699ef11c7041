//! `cargo xtask bench`: the cost of the stage in bytes and in instructions, and that of others for the same
//! work.

use crate::boards::{tree, virt};
use crate::cases::jump_to;
use crate::counter::{self, Count, Counter, ShareCounter, Window};
use crate::job::{self, Parts, Tool};
use crate::machine::{Board, Entry, Level, Loaded, Ram};
use crate::setup::{Consent, Need, Series};
use crate::test_bed::TestBed;
use crate::workspace::Workspace;
use crate::{dtc, profile, runner};
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use ringfence::span::Span;
use serde_json::{Value, json};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

mod host;
mod rival;
mod sentinel;

/// Where QEMU puts the stage, and thus its first instruction.
const STAGE_AT: u64 = 0x4020_0000;
/// Where Qualcomm's ABL puts it: not at a multiple of 2 MiB.
const OFF_GRID: u64 = 0x8008_0000;
/// Where the rest then is.
const JUMP_AT: u64 = 0xa700_0000;
const DTB_AT: u64 = 0xa720_0000;
const BUNDLE_AT: u64 = 0xa800_0000;

/// Long enough for a counted boot, which is some twenty times slower.
const LIMIT: Duration = Duration::from_secs(120);

/// Bytes of the stage whose instructions are counted one by one.
const DETAIL: u64 = 1 << 20;

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Stage,
    Uboot,
    Host,
    Sentinel,
}

/// Options of `cargo xtask bench`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Print one JSON object instead of lines
    #[arg(long)]
    json: bool,
    /// Measure only one of these
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Also list the functions in which the stage spends its instructions
    #[arg(long)]
    profile: bool,
    /// Install and fetch nothing
    #[arg(long)]
    no_install: bool,
}

/// Runs the command.
///
/// # Errors
/// When set-up or a build fails, or when a board does not reach the kernel's first instruction.
pub(crate) fn run(ws: &Workspace, options: &Options) -> Result<()> {
    let consent = if options.no_install { Consent::Forbidden } else { Consent::Install };
    let wanted = |part| options.only.is_none_or(|only| only == part);
    let mut needs = vec![Need::Cc, Need::Busybox, Need::BareTarget, Need::Kernel(Series::V6_12)];
    if wanted(Part::Uboot) {
        needs.extend([Need::UBoot, Need::UBootTools]);
    }
    if wanted(Part::Host) {
        needs.push(Need::Corpus);
    }
    let bed = TestBed::set_up(ws, consent, &needs)?;
    let bench = Measured {
        bed: &bed,
        counter: Counter::build(ws)?,
        share: ShareCounter::build(ws)?,
        tree: job::default_tree(ws, Ram::GIB_4),
        tool: bed.tool()?,
    };
    let mut report = serde_json::Map::new();
    if wanted(Part::Stage) {
        report.insert("stage".into(), bench.stage(options.profile)?);
    }
    if wanted(Part::Uboot) {
        report.insert("uboot".into(), rival::measure(&bench)?);
    }
    if wanted(Part::Host) {
        report.insert("host".into(), host::measure(ws, &Tool::build_optimised(ws)?)?);
    }
    if wanted(Part::Sentinel) {
        report.insert("sentinel".into(), sentinel::measure(&bench)?);
    }
    let report = Value::Object(report);
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print_lines(&report, "");
    }
    Ok(())
}

/// What every measured boot has in common.
struct Measured<'b> {
    bed: &'b TestBed,
    counter: Counter,
    share: ShareCounter,
    tree: PathBuf,
    tool: Tool,
}

impl Measured<'_> {
    /// Measures the stage: its sizes, and the work up to a kernel's first instruction. The headline takes a
    /// kernel of a few KiB, so that it measures the work on the tree and not the hash of a real kernel's many
    /// MiB.
    fn stage(&self, with_profile: bool) -> Result<Value> {
        let ws = &self.bed.ws;
        let built = self.bed.stage()?;
        let payload = self.bed.payload()?.image;
        let small = Parts { kernel: payload, ..Parts::default() };
        let (small, odd) = (
            self.through(&built.image, "bench-payload", small.clone(), true)?,
            self.off_grid(&built.image, small)?,
        );
        let kernel = Series::V6_12.image(ws);
        let real = Parts { kernel, initrd: Some(self.bed.initrd()?), ..Parts::default() };
        let real = self.through(&built.image, "bench-linux", real, false)?;
        if with_profile {
            let functions = profile::by_function(&fs::read(&built.elf)?, &small.per_instruction)?;
            functions.iter().take(40).for_each(|(name, count)| eprintln!("{count:>10}  {name}"));
        }
        let image = fs::read(&built.image)?;
        let bare = fs::metadata(self.bed.bare()?.image)?.len();
        Ok(json!({
            "instructions_to_kernel": small.total,
            "instructions_caches_off": small.caches_off(),
            "instructions_caches_off_at_0x80080000": odd.caches_off(),
            "instructions_to_linux_6_12_with_sha256": real.total,
            "image_bytes": image.len(),
            "image_bytes_of_efi": (image.len() as u64).saturating_sub(bare),
            "ram_bytes": image_size(&image).context("the stage has no image header")?,
            "dtb_bytes": fs::metadata(dtc::compile(ws, &self.tree)?)?.len(),
        }))
    }

    /// Counts from the stage's first instruction to the kernel's.
    fn through(&self, image: &Path, name: &str, mut parts: Parts, in_detail: bool) -> Result<Count> {
        parts.policy = job::policy_of(&self.tree);
        let bundle = self.tool.pack(&self.bed.ws, name, &parts)?;
        let tree = dtc::compile(&self.bed.ws, &self.tree)?;
        let board = job::board(image.into(), Some(bundle), Some(tree), virt::APPEND);
        self.to_kernel(name, board, STAGE_AT, in_detail)
    }

    /// As [`through`](Self::through), for a loader that puts the stage at an odd place.
    fn off_grid(&self, image: &Path, mut parts: Parts) -> Result<Count> {
        let (name, ws) = ("bench-off-grid", &self.bed.ws);
        parts.policy = job::policy_of(&self.tree);
        let bundle = self.tool.pack(ws, name, &parts)?;
        let slot = Span::new(BUNDLE_AT, fs::metadata(&bundle)?.len()).context("the bundle is empty")?;
        let whole = dtc::compile(ws, &self.tree)?;
        let dtb = tree::with_slot(&whole, &ws.scratch_file("bench", name, "dtb")?, slot)?;
        let jump = tree::keep(&ws.scratch_file("bench", name, "jump")?, &jump_to(OFF_GRID, DTB_AT))?;
        let files = [(image.into(), OFF_GRID), (jump, JUMP_AT), (dtb, DTB_AT), (bundle, BUNDLE_AT)];
        let mut board = job::board(image.into(), None, None, virt::APPEND);
        let loaded = files.map(|(file, at)| Loaded { file, at }).into();
        board.entry = Entry::Raw { loaded, start: JUMP_AT };
        self.to_kernel(name, board, OFF_GRID, false)
    }

    /// Counts from the stage's first instruction, at `from`, to the kernel's.
    fn to_kernel(&self, name: &str, mut board: Board, from: u64, in_detail: bool) -> Result<Count> {
        // A first run tells where the kernel is entered.
        let transcript = runner::run(&board, LIMIT, &mut io::sink())?;
        let hand_off = transcript.stage().find_map(|line| line.strip_prefix("hand-off: kernel 0x"));
        let kernel = hand_off.and_then(|rest| rest.split(' ').next());
        let kernel = kernel.and_then(|hex| u64::from_str_radix(hex.trim_end_matches(','), 16).ok());
        let to =
            kernel.with_context(|| format!("{name}: no hand-off; the end was:\n{}", transcript.tail(12)))?;
        let image = in_detail.then_some(DETAIL);
        self.count(name, &mut board, Window { from: Some(from), mark: None, to, image })
    }

    /// Runs a board under the counter.
    fn count(&self, name: &str, board: &mut Board, window: Window) -> Result<Count> {
        let out = self.bed.ws.scratch("counts")?.join(name);
        let _ = fs::remove_file(&out);
        board.plugin = Some(self.counter.argument(window, &out));
        let transcript = runner::run(board, LIMIT, &mut io::sink())?;
        counter::read(&out).with_context(|| {
            format!("{name}: {}\n{}\n{}", transcript.ending, transcript.tail(12), transcript.complaints)
        })
    }
}

/// Returns the memory that an arm64 image says it takes, in bytes (Documentation/arch/arm64/booting).
fn image_size(image: &[u8]) -> Option<u64> {
    let bytes = image.get(16..24)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

/// One line a figure, named by its path.
fn print_lines(value: &Value, path: &str) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            print_lines(value, &if path.is_empty() { name.clone() } else { format!("{path}.{name}") });
        }),
        other => println!("{path:<48} {other}"),
    }
}
