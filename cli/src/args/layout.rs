//! Arguments of the commands that show, compare and measure whole maps.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Boot, help};
use crate::memmap::compare::Kind;
use crate::number;

/// Show the owner of each part of memory.
#[derive(Args, Debug)]
#[command(
    after_help = help::MAP
)]
pub struct Map {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it in place of the fields' own help")]
    pub boot: Boot,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub format: MapFormat,
    /// Also show free memory
    #[arg(long)]
    pub free: bool,
    /// Show the map before and after the repairs of `fix`; exit with 3 when `fix` cannot repair the tree
    #[arg(long)]
    pub fix: bool,
    /// With --fix: permit repairs that change the owner of memory, as if the policy set every `allow.…` key
    #[arg(long = "unsafe", requires = "fix")]
    pub permit_all: bool,
    /// .dtb, .dts (compiled with dtc), or - for stdin
    pub input: PathBuf,
}

/// The forms in which a map is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum MapFormat {
    /// A table for a terminal
    #[default]
    #[value(alias = "human")]
    Text,
    /// A drawing
    Svg,
    /// A self-contained page: the drawing, with details by pointer and keyboard
    Html,
    /// For programs
    Json,
}

/// The forms in which comparisons and measurements are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Plain {
    /// For people
    #[default]
    Human,
    /// For programs
    Json,
}

/// Compare two trees, or two directories of trees, as memory maps.
#[derive(Args, Debug)]
#[command(
    after_help = help::DIFF
)]
pub struct Diff {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it in place of the fields' own help")]
    pub boot: Boot,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub format: DiffFormat,
    /// Exit with 1 on changes of this kind; may be repeated
    #[arg(long, value_enum, value_name = "KIND", value_delimiter = ',')]
    pub fail_on: Vec<Kind>,
    /// The old tree: .dtb, .dts (compiled with dtc), - for stdin, or a directory of .dtb
    pub old: PathBuf,
    /// The new tree, or directory
    pub new: PathBuf,
}

/// The forms in which a comparison is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// For people
    #[default]
    Human,
    /// For programs
    Json,
    /// A drawing of both maps, side by side
    Svg,
    /// A self-contained page: both maps, with details by pointer and keyboard
    Html,
}

/// Show how far each region, kernel, initrd and DTB can grow.
#[derive(Args, Debug)]
#[command(after_help = help::HEADROOM)]
pub struct Headroom {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it in place of the fields' own help")]
    pub boot: Boot,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub format: Plain,
    /// .dtb, .dts (compiled with dtc), or - for stdin
    pub input: PathBuf,
}

/// Propose load addresses for kernel, initrd and DTB.
#[derive(Args, Debug)]
#[command(
    after_help = help::PLAN
)]
pub struct Plan {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it in place of the fields' own help")]
    pub boot: Boot,
    /// Output format
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
    /// Size of the kernel in memory (image_size), instead of a file
    #[arg(long, value_name = "SIZE", value_parser = number::size)]
    pub kernel_size: Option<u64>,
    /// The initial ramdisk
    #[arg(long, value_name = "FILE", conflicts_with = "initrd_size")]
    pub initrd: Option<PathBuf>,
    /// Size of the initial ramdisk, instead of a file
    #[arg(long, value_name = "SIZE", value_parser = number::size)]
    pub initrd_size: Option<u64>,
    /// Space to leave after the kernel and after the initrd, for larger ones
    #[arg(long, value_name = "SIZE", value_parser = number::size, default_value = "16 MiB")]
    pub spare: u64,
    /// .dtb, .dts (compiled with dtc), or - for stdin
    pub input: PathBuf,
}

/// The forms in which a plan is printed.
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
