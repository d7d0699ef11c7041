//! The command line: commands, options and their help texts.

mod console;
mod help;
mod hinted;
mod layout;
mod others;
mod predict;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ringfence::finding::Severity;
use ringfence::policy::Key;
use ringfence::profile::PageSize;
use ringfence::span::Span;

use crate::number;
use crate::project::{boot_map, firmware, kernel, rule};
use crate::report::formats::Format;

use console::console;
use hinted::Hinted;

pub use layout::{Diff, DiffFormat, Headroom, Map, MapFormat, Plain, Plan, PlanFormat};
pub use others::{Completions, Explain, Init, Log, Lsp, Man, Pack, Policy, Rules, RulesFormat, Show, Unpack};
pub use predict::{Predict, Report, Verify};

/// Checks, repairs and packs the memory map that a device tree gives to Linux on arm64.
#[derive(Debug, Parser)]
#[command(
    name = "ringfence",
    version,
    max_term_width = 100,
    after_help = help::RINGFENCE
)]
pub struct Cli {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it in place of the fields' own help")]
    pub color: colorchoice_clap::Color,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check device trees for reserved-memory problems
    Check(Check),
    /// Repair a device tree, check the result and write it
    Fix(Fix),
    /// Write a commented `ringfence.toml` for a project
    Init(Init),
    /// Predict how a kernel will use the tree: regions it protects, places of pools, lines it prints
    Predict(Predict),
    /// Compare a captured boot with the prediction and report each difference
    Verify(Verify),
    /// Show what the stage did at the last boot: the report that it leaves to Linux
    Report(Report),
    /// Show the owner of each part of memory, as a table or as a picture
    Map(Map),
    /// Compare two trees, or two kernels' directories of them: what grew, moved, was removed or collides
    Diff(Diff),
    /// Show how far each region, kernel, initrd and DTB can grow
    Headroom(Headroom),
    /// Propose load addresses for kernel, initrd and DTB
    Plan(Plan),
    /// Write, check and show the policy of a board
    #[command(subcommand)]
    Policy(Policy),
    /// Pack kernel, ramdisk, policy and device tree into a bundle that the stage boots
    Pack(Pack),
    /// List the contents of a bundle and verify its hashes
    Show(Show),
    /// Extract the files of a bundle
    Unpack(Unpack),
    /// List the rules
    Rules(Rules),
    /// Explain a rule: the problem, what Linux does, and how to fix it
    Explain(Explain),
    /// Decode the stage's structured log from a memory dump
    Log(Log),
    /// Serve editors: findings as a source is typed, regions under the cursor, repairs
    Lsp(Lsp),
    /// Print a completion script for a shell
    Completions(Completions),
    /// Print the manual
    Man(Man),
}

/// Rules, with those that there are for completions.
const RULES: Hinted<rule::Selector> = Hinted { hints: rule::names, parse: rule::Selector::parse };

/// Kernels, with the families that there are for completions. They are parsed when a job is made.
const KERNELS: Hinted<String> = Hinted { hints: kernel::families, parse: |text| Ok(text.to_owned()) };

/// What the tree does not say about the boot.
#[derive(Args, Clone, Debug, Default)]
pub struct Boot {
    /// Policy of the board: TOML, or a compiled blob
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Kernel version to check for: 6.1, or 6.12:64k with its page size; may be repeated [default: 6.12]
    #[arg(long, value_name = "PROFILE", value_parser = KERNELS, hide_possible_values = true)]
    pub kernel: Vec<String>,
    /// The kernel's page size
    #[arg(long, value_name = "SIZE", value_enum)]
    pub page: Option<Page>,
    /// RAM bank, instead of those in /memory; may be repeated
    #[arg(long, value_name = "BASE:SIZE", value_parser = span)]
    pub ram: Vec<Span>,
    /// EFI memory map of an EFI boot, from which Linux takes its RAM: what the UEFI shell's `memmap`, Linux
    /// with `efi=debug` or U-Boot's `efidebug memmap` prints
    #[arg(long, value_name = "FILE", conflicts_with = "ram")]
    pub efi_map: Option<PathBuf>,
    /// End of what devices reach, where that is less than the tree's `dma-ranges` say: the default CMA pool
    /// is to be below it
    #[arg(long, value_name = "ADDR", value_parser = number::address)]
    pub dma_limit: Option<u64>,
    /// Size of the default CMA pool where neither tree nor command line asks for one
    /// (CONFIG_CMA_SIZE_MBYTES), or none [default: 64 MiB, as in Debian's kernels]
    #[arg(long, value_name = "SIZE|none", value_parser = cma_default)]
    pub cma_default: Option<u64>,
    /// Configuration of the kernel (.config, /boot/config-VERSION, /proc/config.gz): its page size,
    /// pageblocks, CMA pool and areas, and its version where --kernel does not name one
    #[arg(long, value_name = "FILE", conflicts_with = "page")]
    pub kernel_config: Option<PathBuf>,
    /// Kernel command line, instead of bootargs in /chosen
    #[arg(long, value_name = "STR")]
    pub cmdline: Option<String>,
    /// Place of kernel, initrd, dtb, stage or bundle in memory; @FILE instead of SIZE takes the size of that
    /// file; may be repeated
    #[arg(long, value_name = "NAME=BASE:SIZE", value_parser = boot_map::entry)]
    pub boot_map: Vec<(boot_map::Item, boot_map::Place)>,
    /// Give the answer of a stage that boots this bundle: with its kernel, ramdisk and policy, all of them
    /// movable. --boot-map gives the places of stage and dtb
    #[arg(long, value_name = "BASE:@FILE", value_parser = boot_map::Place::parse,
          conflicts_with_all = ["policy", "kernel", "page"])]
    pub bundle: Option<boot_map::Place>,
    /// Tree that the loader passes (x0) where INPUT is the tree of a bundle: merged into INPUT first, as the
    /// stage does. Of a bundle, the tree of the configuration for its board is INPUT
    #[arg(long, value_name = "FILE")]
    pub loader_dtb: Option<PathBuf>,
    /// Base tree of an INPUT that is an overlay [default: `base` of its board in `ringfence.toml`]
    #[arg(long, value_name = "FILE")]
    pub base: Option<PathBuf>,
    /// Overlay to apply to INPUT; may be repeated, applied in order
    #[arg(long, value_name = "FILE")]
    pub overlay: Vec<PathBuf>,
    /// Directory to search for the headers of a .dts, after its own; may be repeated
    #[arg(short = 'I', long = "include", value_name = "DIR")]
    pub include: Vec<PathBuf>,
    /// Name of the file that is read from stdin: what it includes and its `ringfence.toml` are found from
    /// there, and reports use it
    #[arg(long, value_name = "FILE")]
    pub stdin_filename: Option<PathBuf>,
    /// Configuration, instead of the nearest `ringfence.toml` in a parent directory of each input
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    pub config: Option<PathBuf>,
    /// Ignore every `ringfence.toml`
    #[arg(long)]
    pub no_config: bool,
}

/// Check device trees for reserved-memory problems.
#[derive(Args, Debug)]
#[command(after_help = help::CHECK)]
pub struct Check {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it in place of the fields' own help")]
    pub boot: Boot,
    /// Firmware of another processor (ELF, MBN, MDT), and the path or label of the region that it is loaded
    /// into; may be repeated
    #[arg(long, value_name = "FILE=NODE", value_parser = firmware::parse)]
    pub firmware: Vec<(PathBuf, Key)>,
    /// Output format
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
    /// Write the results to this file [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Exit with 1 on findings of at least this severity
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t)]
    pub fail_on: FailOn,
    /// Report only findings of at least this severity
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub min_severity: Option<Level>,
    /// Report only these rules: numbers, names, or prefixes such as RF2; may be repeated
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    #[arg(value_parser = RULES, hide_possible_values = true)]
    pub select: Vec<rule::Selector>,
    /// Leave these rules out: numbers, names, or prefixes; may be repeated. The more exact of --select and
    /// --ignore wins
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    #[arg(value_parser = RULES, hide_possible_values = true)]
    pub ignore: Vec<rule::Selector>,
    /// File of known findings, which do not count
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write the findings to the file of --baseline
    #[arg(long, requires = "baseline")]
    pub write_baseline: bool,
    /// Also print the number of findings of each rule
    #[arg(long)]
    pub statistics: bool,
    /// Print findings only: no summary, no progress bar
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print every finding in full, with notes, and the configuration of each input
    #[arg(short, long)]
    pub verbose: bool,
    /// .dtb, .dts (compiled with cpp and dtc), .dtbo or .dtso with --base, a bundle (.itb), a directory of
    /// .dtb or else .dts, or - for stdin [default: the `inputs` of ringfence.toml]
    #[arg(value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
}

/// Repair a device tree, check the result and write it.
#[derive(Args, Debug)]
#[command(
    after_help = help::FIX
)]
pub struct Fix {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it in place of the fields' own help")]
    pub boot: Boot,
    /// Output format
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
    /// Write the repaired file, of the same kind as INPUT, to OUT, - for stdout
    #[arg(short, long, value_name = "OUT", required_unless_present_any = ["in_place", "diff"])]
    pub output: Option<PathBuf>,
    /// Overwrite each INPUT
    #[arg(long, conflicts_with = "output")]
    pub in_place: bool,
    /// Show the changes: of a .dts as a patch for `patch -p1`, else as device tree source
    #[arg(long)]
    pub diff: bool,
    /// Permit repairs that change the owner of memory, as if the policy set every `allow.…` key
    #[arg(long = "unsafe")]
    pub permit_all: bool,
    /// .dtb, .dts (edited at file and line), a file with several trees, a bundle (.itb), or - for stdin
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
}

/// The lowest severity that counts as failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Errors only
    #[default]
    Error,
    /// Errors and warnings
    Warning,
    /// Every finding
    Note,
    /// No finding
    Never,
}

impl FailOn {
    /// Returns the severity, `None` for no failure.
    #[must_use]
    pub const fn limit(self) -> Option<Severity> {
        match self {
            Self::Error => Some(Severity::Error),
            Self::Warning => Some(Severity::Warning),
            Self::Note => Some(Severity::Note),
            Self::Never => None,
        }
    }
}

/// A severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// Errors only
    Error,
    /// Errors and warnings
    Warning,
    /// Every finding
    Note,
}

impl From<Level> for Severity {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => Self::Error,
            Level::Warning => Self::Warning,
            Level::Note => Self::Note,
        }
    }
}

/// A kernel's page size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Page {
    /// 4 KiB
    #[value(name = "4k")]
    K4,
    /// 16 KiB
    #[value(name = "16k")]
    K16,
    /// 64 KiB
    #[value(name = "64k")]
    K64,
}

impl From<Page> for PageSize {
    fn from(page: Page) -> Self {
        match page {
            Page::K4 => Self::K4,
            Page::K16 => Self::K16,
            Page::K64 => Self::K64,
        }
    }
}

/// Reads `BASE:SIZE`.
///
/// # Errors
/// Describes the mistake.
pub fn span(text: &str) -> Result<Span, String> {
    let (base, size) = text.split_once(':').ok_or("write BASE:SIZE, such as 0x40000000:4GiB")?;
    let (base, size) = (number::address(base)?, number::size(size)?);
    Span::new(base, size).ok_or_else(|| format!("`{text}` is empty or exceeds the address space"))
}

/// Reads a size, or `none`.
fn cma_default(text: &str) -> Result<u64, String> {
    if text == "none" { Ok(0) } else { number::size(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use ringfence::span::GIB;

    #[test]
    fn the_definitions_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }

    #[test]
    fn spans_are_base_and_size() {
        assert_eq!(span("0x40000000:4GiB"), Ok(Span::new(0x4000_0000, 4 * GIB).unwrap()));
        assert!(span("0x40000000").is_err() && span("0:0").is_err() && span("0xffffffffffffffff:2").is_err());
    }
}
