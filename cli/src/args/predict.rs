//! Arguments of the commands that tell what a kernel will do, and hold it to that.

use std::path::PathBuf;

use clap::Args;

use super::{Boot, Plain};

/// Tell what a kernel will make of a tree.
#[derive(Args, Debug)]
#[command(
    after_help = "The state of a region is what memblock holds in the end: nomap, reserved (but mapped), cma, \
                  coherent, free (not protected) or absent (no RAM). The kernel's own lines are printed as it will \
                  print them; from 6.12 on it also says `nomap` of what it has just refused.\n\n\
                  Examples:\n  ringfence predict --kernel 6.1 board.dtb\n  \
                  ringfence predict --kernel 7 --ram 0x40000000:4GiB --boot-map kernel=0x40200000:36MiB board.dtb"
)]
pub struct Predict {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it in place of the fields' own help")]
    pub boot: Boot,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Plain,
    /// .dtb, .dts (through dtc), or - for stdin
    pub input: PathBuf,
}

/// Hold a captured boot against what was predicted.
#[derive(Args, Debug)]
#[command(
    after_help = "Capture with `dmesg > boot.log; cat /proc/iomem > iomem.txt` as root. Exit codes: 0 the kernel did \
                  what was predicted, 1 it did not, 2 wrong usage or unreadable input.\n\n\
                  Examples:\n  ringfence verify --kernel 6.12 --boot-log boot.log --iomem iomem.txt board.dtb"
)]
pub struct Verify {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it in place of the fields' own help")]
    pub boot: Boot,
    /// The kernel's log, from the console or `dmesg`
    #[arg(long, value_name = "LOG")]
    pub boot_log: PathBuf,
    /// /proc/iomem, read as root
    #[arg(long, value_name = "TXT")]
    pub iomem: Option<PathBuf>,
    /// The tree that was booted: .dtb, .dts (through dtc), or - for stdin
    pub input: PathBuf,
}
