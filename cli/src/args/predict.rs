//! Arguments of the commands that predict what a kernel will do, and compare a boot with it.

use std::path::PathBuf;

use clap::Args;

use super::{Boot, Plain};

/// Predict how a kernel will use the tree.
#[derive(Args, Debug)]
#[command(
    after_help = "The state of a region is the final state in memblock: nomap, reserved (but mapped), cma, coherent, \
                  free (not protected) or absent (not RAM). The log lines are those that the kernel will print; \
                  from 6.12 on it also prints `nomap` for regions that it has just refused.\n\n\
                  Examples:\n  ringfence predict --kernel 6.1 board.dtb\n  \
                  ringfence predict --kernel 7 --ram 0x40000000:4GiB --boot-map kernel=0x40200000:36MiB board.dtb"
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
    after_help = "Capture with `dmesg > boot.log; cat /proc/iomem > iomem.txt` as root. Exit codes: 0 the boot matches \
                  the prediction, 1 it differs, 2 wrong usage or unreadable input.\n\n\
                  Examples:\n  ringfence verify --kernel 6.12 --boot-log boot.log --iomem iomem.txt board.dtb"
)]
pub struct Verify {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it in place of the fields' own help")]
    pub boot: Boot,
    /// The kernel's log, from the console or from `dmesg`
    #[arg(long, value_name = "LOG")]
    pub boot_log: PathBuf,
    /// /proc/iomem, read as root
    #[arg(long, value_name = "TXT")]
    pub iomem: Option<PathBuf>,
    /// The tree that was booted: .dtb, .dts (compiled with dtc), or - for stdin
    pub input: PathBuf,
}
