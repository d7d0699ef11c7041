//! Arguments of the commands that predict what a kernel will do, and compare a boot with it.

use std::path::PathBuf;

use clap::Args;

use super::{Boot, Plain, help};

/// Predict how a kernel will use the tree.
#[derive(Args, Debug)]
#[command(
    after_help = help::PREDICT
)]
pub struct Predict {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it in place of the fields' own help")]
    pub boot: Boot,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub format: Plain,
    /// .dtb, .dts (compiled with dtc), or - for stdin
    pub input: PathBuf,
}

/// Compare a captured boot with the prediction.
#[derive(Args, Debug)]
#[command(
    after_help = help::VERIFY
)]
pub struct Verify {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it in place of the fields' own help")]
    pub boot: Boot,
    /// The kernel's log: a serial capture, the output of `dmesg` or `journalctl`, or a file of rsyslog; plain
    /// or packed with gzip, lzma or zstd, at most 64 MiB
    #[arg(long, value_name = "LOG", required_unless_present = "live")]
    pub boot_log: Option<PathBuf>,
    /// Of several boots in the log, compare this one only: 1 is the oldest [default: all]
    #[arg(long = "boot", value_name = "N")]
    pub boot_number: Option<usize>,
    /// /proc/iomem, read as root; belongs to the last boot of the log
    #[arg(long, value_name = "TXT")]
    pub iomem: Option<PathBuf>,
    /// Compare the running board, as root: its tree, `dmesg`, /proc/iomem and configuration
    #[arg(long)]
    pub live: bool,
    /// With --live: a copy of the board's files (sys/firmware/fdt, proc/iomem, dmesg) instead of /
    #[arg(long, value_name = "DIR", requires = "live")]
    pub root: Option<PathBuf>,
    /// The tree that was booted: .dtb, .dts (compiled with dtc), or - for stdin
    #[arg(required_unless_present = "live")]
    pub input: Option<PathBuf>,
}

/// Show the report that the stage left on a board.
#[derive(Args, Debug)]
#[command(after_help = help::REPORT)]
pub struct Report {
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub format: Plain,
    /// Exit with 1 unless this is the policy of the boot: TOML, or a compiled blob
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// A .dtb, /sys/firmware/fdt, a copy of /proc/device-tree, or - for stdin [default: the running board]
    pub source: Option<PathBuf>,
}
