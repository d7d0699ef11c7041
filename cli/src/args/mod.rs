//! The command line: what can be asked, and the help that teaches it.

mod layout;
mod others;
mod predict;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ringfence::finding::Severity;
use ringfence::profile::PageSize;
use ringfence::span::Span;

use crate::number;
use crate::project::boot_map;
use crate::report::formats::Format;

pub use layout::{Diff, Headroom, Map, MapFormat, Plain, Plan, PlanFormat};
pub use others::{Completions, Explain, Log, Man, Pack, Policy, Rules, RulesFormat, Show, Unpack};
pub use predict::{Predict, Verify};

/// Checks, repairs and packs the memory map that a device tree gives to Linux on arm64.
#[derive(Debug, Parser)]
#[command(
    name = "ringfence",
    version,
    after_help = "Examples:\n  \
                  ringfence check board.dtb                        what is wrong, and what to write instead\n  \
                  ringfence check --format sarif arch/arm64/boot/dts > ringfence.sarif\n  \
                  ringfence explain RF201                          why it matters, wrong and right\n  \
                  ringfence fix --diff board.dtb -o fixed.dtb      repair, prove, write\n  \
                  ringfence map --free board.dtb                   who has which memory\n\n\
                  A `ringfence.toml` upwards from an input says which policy, kernels and RAM its board has.\n\n\
                  Exit codes: 0 clean, 1 findings at or above --fail-on, 2 wrong usage or unreadable input, \
                  3 `fix` could not make the tree clean."
)]
pub struct Cli {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it in place of the fields' own help")]
    pub color: colorchoice_clap::Color,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the tool can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Judge device trees, as the stage would on the board
    Check(Check),
    /// Repair a device tree, prove the result and write it
    Fix(Fix),
    /// Tell what a kernel will make of a tree: which regions it protects, where pools land, what it prints
    Predict(Predict),
    /// Hold a captured boot against the prediction and name each difference
    Verify(Verify),
    /// Show who has which memory, as a table or as a picture
    Map(Map),
    /// Compare two trees as memory maps: what grew, moved, went, came, changed flags or collides now
    Diff(Diff),
    /// Tell how far each region, kernel, initrd and DTB may grow before it meets something
    Headroom(Headroom),
    /// Propose load addresses for kernel, initrd and DTB that respect the map
    Plan(Plan),
    /// Make, check and show what a board requires
    #[command(subcommand)]
    Policy(Policy),
    /// Pack kernel, ramdisk, policy and device tree into a bundle that the stage boots
    Pack(Pack),
    /// Show what a bundle holds, and whether its hashes hold
    Show(Show),
    /// Take a bundle apart into the files that it was packed from
    Unpack(Unpack),
    /// List the rules
    Rules(Rules),
    /// Explain a rule: what it demands, what Linux does otherwise, and how to write it right
    Explain(Explain),
    /// Decode the stage's structured log from a memory dump
    Log(Log),
    /// Print a completion script for a shell
    Completions(Completions),
    /// Print the manual
    Man(Man),
}

/// What is known about the boot besides the tree.
#[derive(Args, Clone, Debug, Default)]
pub struct Boot {
    /// What the board requires: a TOML policy or a blob of one
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Kernel version to judge for, such as 6.1, or 6.12:64k with its page size; may be repeated, and 6.12 when nobody
    /// says
    #[arg(long, value_name = "PROFILE")]
    pub kernel: Vec<String>,
    /// The kernel's page size
    #[arg(long, value_name = "SIZE", value_enum)]
    pub page: Option<Page>,
    /// RAM bank, in place of those that /memory states; may be repeated
    #[arg(long, value_name = "BASE:SIZE", value_parser = span)]
    pub ram: Vec<Span>,
    /// Bootargs, in place of those in /chosen
    #[arg(long, value_name = "STR")]
    pub cmdline: Option<String>,
    /// Where the boot loader puts kernel, initrd, dtb, stage or bundle; @FILE for as much as that file takes; may be
    /// repeated
    #[arg(long, value_name = "NAME=BASE:SIZE", value_parser = boot_map::entry)]
    pub boot_map: Vec<(boot_map::Item, boot_map::Place)>,
    /// Answer as the stage does that finds this bundle there: kernel, ramdisk and policy are the bundle's, it may move
    /// what it boots, and leaves its report. --boot-map tells where stage and dtb lie
    #[arg(long, value_name = "BASE:@FILE", value_parser = boot_map::Place::parse,
          conflicts_with_all = ["policy", "kernel", "page"])]
    pub bundle: Option<boot_map::Place>,
    /// The tree that a .dtbo INPUT is applied to
    #[arg(long, value_name = "FILE")]
    pub base: Option<PathBuf>,
    /// Overlay to apply to INPUT before anything else is done; may be repeated, in order
    #[arg(long, value_name = "FILE")]
    pub overlay: Vec<PathBuf>,
    /// Where the headers of a .dts are, besides its own directory; may be repeated
    #[arg(short = 'I', long = "include", value_name = "DIR")]
    pub include: Vec<PathBuf>,
    /// Configuration, in place of the `ringfence.toml` found upwards from each input
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    pub config: Option<PathBuf>,
    /// Look for no `ringfence.toml`
    #[arg(long)]
    pub no_config: bool,
}

/// Judge device trees, as the stage would on the board.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    ringfence check board.dtb\n  \
    ringfence check                                            what ringfence.toml names as `inputs`\n  \
    ringfence check -I include board.dts                       findings at file and line\n  \
    ringfence check --policy board.toml --kernel 6.1 --kernel 6.12:64k board.dtb\n  \
    ringfence check --boot-map kernel=0x40200000:@Image board.dtb  what the boot loader adds\n  \
    ringfence check image.itb                                  every configuration of a bundle\n  \
    ringfence check /sys/firmware/fdt                          the tree that this machine booted with\n  \
    ringfence check --baseline known.json --write-baseline trees   adopt on an old tree\n\n\
    Exit codes: 0 clean, 1 findings at or above --fail-on, 2 wrong usage or unreadable input.")]
pub struct Check {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it in place of the fields' own help")]
    pub boot: Boot,
    /// How to print
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
    /// Least severity that makes the exit code 1
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t)]
    pub fail_on: FailOn,
    /// Findings that are known and do not count
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write what is found now as the baseline
    #[arg(long, requires = "baseline")]
    pub write_baseline: bool,
    /// Count the findings of each rule
    #[arg(long)]
    pub statistics: bool,
    /// .dtb, .dts (through cpp and dtc), .dtbo with --base, a bundle (.itb), a directory of .dtb, or - for stdin;
    /// without any, the `inputs` of the project's `ringfence.toml`
    #[arg(value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
}

/// Repair a device tree, prove the result and write it.
#[derive(Args, Debug)]
#[command(
    after_help = "What is written was read again by two readers, judged again, and holds all that was in INPUT.\n\n\
    Examples:\n  \
    ringfence fix --diff board.dtb                             show what would be done, write nothing\n  \
    ringfence fix board.dtb -o fixed.dtb\n  \
    ringfence fix --policy board.toml --in-place board.dtb\n\n\
    Exit codes: 0 clean, 1 written with findings that the policy lets through (on-error = \"continue\"), \
    2 wrong usage or unreadable input, 3 not repaired and nothing written."
)]
pub struct Fix {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it in place of the fields' own help")]
    pub boot: Boot,
    /// How to print
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
    /// Where to write the repaired tree, - for stdout
    #[arg(short, long, value_name = "OUT", required_unless_present_any = ["in_place", "diff"])]
    pub output: Option<PathBuf>,
    /// Write over INPUT
    #[arg(long, conflicts_with = "output")]
    pub in_place: bool,
    /// Show what changed, as source
    #[arg(long)]
    pub diff: bool,
    /// Permit repairs that change who has which memory, as though the policy allowed all of them
    #[arg(long = "unsafe")]
    pub permit_all: bool,
    /// .dtb, .dts (through dtc), or - for stdin
    pub input: PathBuf,
}

/// The least severity that counts as failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Errors only
    #[default]
    Error,
    /// Warnings, too
    Warning,
    /// Whatever is said
    Note,
}

impl From<FailOn> for Severity {
    fn from(fail_on: FailOn) -> Self {
        match fail_on {
            FailOn::Error => Self::Error,
            FailOn::Warning => Self::Warning,
            FailOn::Note => Self::Note,
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
/// What is wrong with it.
pub fn span(text: &str) -> Result<Span, String> {
    let (base, size) = text.split_once(':').ok_or("write BASE:SIZE, such as 0x40000000:4GiB")?;
    let (base, size) = (number::address(base)?, number::size(size)?);
    Span::new(base, size).ok_or_else(|| format!("`{text}` is empty or exceeds the address space"))
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
