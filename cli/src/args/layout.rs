//! Arguments of the commands that show, compare and measure whole maps.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Boot;
use crate::memmap::compare::Kind;
use crate::number;

/// Show who has which memory.
#[derive(Args, Debug)]
#[command(
    after_help = "A picture is not to linear scale: heights grow with the logarithm of the size, so that a \
                        carveout of one page stays visible beside gigabytes, and what is no RAM is cut out.\n\n\
                        Examples:\n  ringfence map board.dtb\n  ringfence map --format html --fix board.dtb > map.html"
)]
pub struct Map {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it in place of the fields' own help")]
    pub boot: Boot,
    /// How to show it
    #[arg(long, value_enum, default_value_t)]
    pub format: MapFormat,
    /// Show free memory, too
    #[arg(long)]
    pub free: bool,
    /// Show the map before and after the repairs that `fix` would make; exit 3 when it could not
    #[arg(long)]
    pub fix: bool,
    /// With --fix: permit repairs that change who has which memory, as though the policy allowed all of them
    #[arg(long = "unsafe", requires = "fix")]
    pub permit_all: bool,
    /// .dtb, .dts (through dtc), or - for stdin
    pub input: PathBuf,
}

/// How a map is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum MapFormat {
    /// A table for a terminal
    #[default]
    #[value(alias = "human")]
    Text,
    /// A drawing
    Svg,
    /// One page that needs nothing besides itself: the drawing with details under the pointer and by keyboard
    Html,
    /// For programs
    Json,
}

/// How comparisons and measurements are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Plain {
    /// For people
    #[default]
    Human,
    /// For programs
    Json,
}

/// Compare two trees as memory maps.
#[derive(Args, Debug)]
#[command(
    after_help = "Without --fail-on the exit code is 0 whatever changed: a diff is to look at, a gate is asked \
                        for. Regions are known by path, then by label (/__symbols__), then by name without the unit \
                        address.\n\nExample:\n  ringfence diff --fail-on shrink,remove,flags,collide old.dtb new.dtb"
)]
pub struct Diff {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it in place of the fields' own help")]
    pub boot: Boot,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Plain,
    /// Kinds of change that make the exit code 1; may be repeated
    #[arg(long, value_enum, value_name = "KIND", value_delimiter = ',')]
    pub fail_on: Vec<Kind>,
    /// The tree as it was: .dtb, .dts (through dtc), or - for stdin
    pub old: PathBuf,
    /// The tree as it is
    pub new: PathBuf,
}

/// Tell how far each region may grow before it meets something.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  ringfence headroom --boot-map kernel=0x40200000:40MiB board.dtb")]
pub struct Headroom {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it in place of the fields' own help")]
    pub boot: Boot,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Plain,
    /// .dtb, .dts (through dtc), or - for stdin
    pub input: PathBuf,
}

/// Propose load addresses for kernel, initrd and DTB.
#[derive(Args, Debug)]
#[command(
    after_help = "The tree is taken as it is: one with errors is refused, with exit code 1, since no address is \
                        right for it. The same core places the kernel on the board.\n\nExample:\n  \
                        ringfence plan --kernel-image Image --initrd initrd.img --format uboot board.dtb"
)]
pub struct Plan {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it in place of the fields' own help")]
    pub boot: Boot,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: PlanFormat,
    /// The kernel: an arm64 Image, plain or packed (gzip, zstd, EFI zboot)
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "kernel_size",
        conflicts_with = "kernel_size"
    )]
    pub kernel_image: Option<PathBuf>,
    /// Bytes that the kernel takes in memory (image_size), when there is no file
    #[arg(long, value_name = "SIZE", value_parser = number::size)]
    pub kernel_size: Option<u64>,
    /// The initial ramdisk
    #[arg(long, value_name = "FILE", conflicts_with = "initrd_size")]
    pub initrd: Option<PathBuf>,
    /// Bytes of the initial ramdisk, when there is no file
    #[arg(long, value_name = "SIZE", value_parser = number::size)]
    pub initrd_size: Option<u64>,
    /// Room to leave behind the kernel and the initrd, for the next ones that are larger
    #[arg(long, value_name = "SIZE", value_parser = number::size, default_value = "16 MiB")]
    pub spare: u64,
    /// .dtb, .dts (through dtc), or - for stdin
    pub input: PathBuf,
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// For people
    #[default]
    Human,
    /// For programs
    Json,
    /// Lines of a U-Boot environment, as `env import -t` reads them
    Uboot,
}
