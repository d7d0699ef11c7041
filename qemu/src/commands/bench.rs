//! `cargo xtask bench`: what the stage costs, in bytes and in instructions, and what others take for the same.

use crate::counter::{self, Count, Counter, Window};
use crate::job::{self, Parts, Tool};
use crate::machine::{Board, Level, Machine, Ram};
use crate::setup::{self, Consent, Need, Series};
use crate::workspace::Workspace;
use crate::{dtc, initramfs, profile, runner, stage, uboot};
use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

mod host;
mod rival;

/// Where QEMU puts an image of ours, and thus its first instruction.
const STAGE_AT: u64 = 0x4020_0000;

/// Long enough for a counted boot, which is some twenty times slower.
const LIMIT: Duration = Duration::from_secs(300);

/// Options of `cargo xtask bench`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Print one JSON object instead of lines
    #[arg(long)]
    json: bool,
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
/// When set-up or a build fails, or when a board does not come to the kernel's first instruction.
pub(crate) fn run(ws: &Workspace, options: &Options) -> Result<()> {
    let consent = if options.no_install { Consent::Forbidden } else { Consent::Install };
    let linux = Series::V6_12;
    let needs = [Need::Qemu, Need::Dtc, Need::Cc, Need::UBoot, Need::UBootTools, Need::Busybox, Need::Corpus];
    setup::ensure(ws, &needs, consent)?;
    setup::ensure(ws, &[Need::Kernel(linux), Need::BareTarget], consent)?;

    let built = stage::stage(ws, consent)?;
    let payload = stage::payload(ws, consent)?.image;
    let tool = Tool::build(ws)?;
    let bench = Bench {
        ws,
        counter: Counter::build(ws)?,
        stage: built.image.clone(),
        tree: job::default_tree(ws, Ram::GIB_4),
        tool,
    };

    let small = Parts { kernel: payload.clone(), initrd: None, policy: None };
    let small = bench.through_stage("bench-payload", small, true)?;
    let real = Parts { kernel: linux.image(ws), initrd: Some(initramfs::build(ws)?), policy: None };
    let real = bench.through_stage("bench-linux", real, false)?;
    let rival = rival::measure(&bench, &payload)?;
    let image = fs::read(&built.image)?;
    let ram = image_size(&image).context("the stage has no image header")?;
    let report = json!({
        "stage": {
            "instructions_to_kernel": small.total,
            "instructions_caches_off": small.caches_off(),
            "instructions_to_linux_with_sha256": real.total,
            "image_bytes": image.len(),
            "ram_bytes": ram,
            "dtb_bytes": fs::metadata(dtc::compile(ws, &bench.tree)?)?.len(),
        },
        "uboot": rival,
        "host": host::measure(ws, &bench.tool)?,
    });
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print_lines(&report, "");
    }
    if options.profile {
        for (name, count) in
            profile::by_function(&fs::read(&built.elf)?, &small.per_instruction)?.iter().take(40)
        {
            eprintln!("{count:>10}  {name}");
        }
    }
    Ok(())
}

/// What every measured boot has in common.
struct Bench<'w> {
    ws: &'w Workspace,
    counter: Counter,
    stage: PathBuf,
    tree: PathBuf,
    tool: Tool,
}

impl Bench<'_> {
    /// Counts from the stage's first instruction to the kernel's.
    fn through_stage(&self, name: &str, mut parts: Parts, in_detail: bool) -> Result<Count> {
        parts.policy = job::policy_of(&self.tree);
        let bundle = self.tool.pack(self.ws, name, &parts)?;
        let tree = dtc::compile(self.ws, &self.tree)?;
        let mut board = job::board(self.stage.clone(), Some(bundle), Some(tree), job::APPEND);
        // A first run tells where the kernel is entered.
        let transcript = runner::run(&board, LIMIT, &mut io::sink())?;
        let hand_off = transcript.stage().find_map(|line| line.strip_prefix("hand-off: kernel 0x"));
        let kernel = hand_off.and_then(|rest| rest.split(' ').next());
        let kernel = kernel.and_then(|hex| u64::from_str_radix(hex.trim_end_matches(','), 16).ok());
        let to =
            kernel.with_context(|| format!("{name}: no hand-off; the end was:\n{}", transcript.tail(12)))?;
        let image = in_detail.then_some(1 << 20);
        self.count(name, &mut board, Window { from: Some(STAGE_AT), mark: None, to, image })
    }

    /// Runs a board under the counter.
    fn count(&self, name: &str, board: &mut Board, window: Window) -> Result<Count> {
        let out = self.ws.scratch("counts")?.join(name);
        let _ = fs::remove_file(&out);
        board.plugin = Some(self.counter.argument(window, &out));
        let transcript = runner::run(board, LIMIT, &mut io::sink())?;
        counter::read(&out).with_context(|| {
            format!("{name}: {}\n{}\n{}", transcript.ending, transcript.tail(12), transcript.complaints)
        })
    }
}

/// The memory that an arm64 image says it takes, in bytes (Documentation/arch/arm64/booting).
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
