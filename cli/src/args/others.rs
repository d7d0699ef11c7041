//! Arguments of the commands around policies, bundles, rules and logs, and of those that teach.

use std::path::PathBuf;

use super::Plain;
use clap::{Args, Subcommand, ValueEnum};

/// Make, check and show what a board requires.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  \
    ringfence policy init good.dtb -o board.toml               require what a good tree has\n  \
    ringfence policy check board.toml\n  \
    ringfence policy build board.toml -o board.policy          the blob that travels in a bundle")]
pub enum Policy {
    /// Write a policy that requires what a known-good tree has
    Init {
        /// A tree that is right
        known_good: PathBuf,
        /// Where to write it; stdout by default
        #[arg(short, long, value_name = "OUT")]
        output: Option<PathBuf>,
    },
    /// Check policy files
    Check {
        /// TOML or blob
        #[arg(required = true, value_name = "POLICY")]
        policies: Vec<PathBuf>,
    },
    /// Compile a policy to the blob that travels to the stage
    Build {
        /// TOML
        policy: PathBuf,
        /// Where to write the blob, - for stdout
        #[arg(short, long, value_name = "BLOB")]
        output: PathBuf,
    },
    /// Show a blob as TOML, with its digest
    Show {
        /// Blob or TOML
        policy: PathBuf,
    },
}

/// Pack kernel, ramdisk, policy and device tree into a bundle.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  \
    ringfence pack --kernel Image --initrd initrd.img --policy board.toml -o board.itb")]
pub struct Pack {
    /// arm64 Image, plain or packed: gzip, zstd, EFI zboot
    #[arg(long, value_name = "FILE")]
    pub kernel: PathBuf,
    /// Initial ramdisk
    #[arg(long, value_name = "FILE")]
    pub initrd: Option<PathBuf>,
    /// Device tree: .dtb or .dts
    #[arg(long, value_name = "FILE")]
    pub dtb: Option<PathBuf>,
    /// Overlay that the stage, or U-Boot, applies to the device tree; may be repeated, in order
    #[arg(long, value_name = "FILE", requires = "dtb")]
    pub overlay: Vec<PathBuf>,
    /// Append the bundle to this image of the stage, for loaders without a slot for an initrd
    #[arg(long, value_name = "STAGE")]
    pub append_to: Option<PathBuf>,
    /// Policy: TOML or blob
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Where to write the bundle, - for stdout
    #[arg(short, long, value_name = "OUT")]
    pub output: PathBuf,
}

/// Show what a bundle holds.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  ringfence show board.itb\n\n\
    Exit codes: 0 every hash holds, 2 the bundle cannot be read, or the stage would refuse an image of it.")]
pub struct Show {
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Plain,
    /// A bundle (.itb), or a stage with one appended; - for stdin
    pub bundle: PathBuf,
}

/// Take a bundle apart.
#[derive(Args, Debug)]
#[command(
    after_help = "Writes Image, initrd.img, board.dtb, overlay-1.dtbo and board.policy, as far as they are there, and \
                  nothing at all when a hash does not hold or one of the files exists already. `ringfence pack` \
                  takes them back.\n\n\
                  Examples:\n  ringfence unpack board.itb -o parts\n  \
                  ringfence unpack --configuration conf-2 board.itb -o parts"
)]
pub struct Unpack {
    /// The configuration to take; the default one when nobody says
    #[arg(long, value_name = "NAME")]
    pub configuration: Option<String>,
    /// The directory to write to; it is made when it is not there
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// A bundle (.itb), or a stage with one appended; - for stdin
    pub bundle: PathBuf,
}

/// List the rules.
#[derive(Args, Debug)]
pub struct Rules {
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: RulesFormat,
}

/// Explain a rule.
#[derive(Args, Debug)]
pub struct Explain {
    /// Its number or name, such as RF201 or overlap
    pub rule: String,
}

/// Decode the stage's structured log.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  ringfence log --elf ringfence.elf memory.bin")]
pub struct Log {
    /// Memory dump that holds the ring, - for stdin
    pub file: PathBuf,
    /// The very stage that wrote it
    #[arg(long, value_name = "FILE")]
    pub elf: PathBuf,
}

/// Print a completion script.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    ringfence completions bash > ~/.local/share/bash-completion/completions/ringfence\n  \
    ringfence completions zsh > ~/.zfunc/_ringfence\n  \
    ringfence completions fish > ~/.config/fish/completions/ringfence.fish")]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// Print the manual.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  ringfence man check | man -l -\n  ringfence man --directory /usr/share/man/man1"
)]
pub struct Man {
    /// The command whose page is wanted; the tool's own by default
    pub command: Option<String>,
    /// Write all pages into this directory
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    pub directory: Option<PathBuf>,
}

/// How the rules are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RulesFormat {
    /// One line each
    #[default]
    Human,
    /// For programs
    Json,
    /// The book's chapter, with the reasons and the examples
    Markdown,
}
