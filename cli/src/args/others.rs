//! Arguments of the commands for policies, bundles, rules, logs and documentation.

use std::path::PathBuf;

use super::hinted::Hinted;
use super::{Boot, Plain, help};
use clap::{Args, Subcommand, ValueEnum};

use crate::project::rule;

/// Write, check and show the policy of a board.
#[derive(Debug, Subcommand)]
#[command(after_help = help::POLICY)]
pub enum Policy {
    /// Write a policy that requires the carveouts of a known-good tree
    Init {
        /// The known-good tree
        known_good: PathBuf,
        /// Write the policy to this file [default: stdout]
        #[arg(short, long, value_name = "OUT")]
        output: Option<PathBuf>,
        /// Overwrite OUT if it exists
        #[arg(long)]
        force: bool,
    },
    /// Check policy files
    Check {
        /// TOML or blob
        #[arg(required = true, value_name = "POLICY")]
        policies: Vec<PathBuf>,
    },
    /// Compile a policy to the blob that the stage reads
    Build {
        /// TOML
        policy: PathBuf,
        /// Write the blob to this file, - for stdout
        #[arg(short, long, value_name = "BLOB")]
        output: PathBuf,
    },
    /// Show a blob as TOML, with its digest
    Show {
        /// Blob or TOML
        policy: PathBuf,
    },
}

/// Write a commented `ringfence.toml`.
#[derive(Args, Debug)]
#[command(after_help = help::INIT)]
pub struct Init {
    /// The directory of the project [default: the working directory]
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// Overwrite a `ringfence.toml` that exists
    #[arg(long)]
    pub force: bool,
}

/// Pack kernel, ramdisk, policy and device tree into a bundle, or make the EFI driver.
#[derive(Args, Debug)]
#[command(after_help = help::PACK)]
pub struct Pack {
    /// arm64 Image, plain or packed: gzip, zstd, EFI zboot
    #[arg(long, value_name = "FILE", required_unless_present_any = ["console", "efi_driver"])]
    pub kernel: Option<PathBuf>,
    /// Initial ramdisk
    #[arg(long, value_name = "FILE", requires = "kernel")]
    pub initrd: Option<PathBuf>,
    /// Device tree: .dtb or .dts
    #[arg(long, value_name = "FILE", requires = "kernel")]
    pub dtb: Option<PathBuf>,
    /// Overlay that the stage or U-Boot applies to the device tree; may be repeated, applied in order
    #[arg(long, value_name = "FILE", requires = "dtb")]
    pub overlay: Vec<PathBuf>,
    /// Append the bundle to this image of the stage, for loaders that cannot load an initrd
    #[arg(long, value_name = "STAGE")]
    pub append_to: Option<PathBuf>,
    /// Console of the stage when the device tree names none or is damaged: pl011@0x9000000 or
    /// uart8250,mmio32@0xfe650000; written into the image of --append-to, with or without a kernel
    #[arg(long, value_name = "KIND@ADDR", requires = "append_to", value_parser = super::console)]
    pub console: Option<String>,
    /// Policy: TOML or blob
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Make an EFI driver of the image that --append-to names, with the policy and without a bundle
    #[arg(long, requires = "append_to", conflicts_with_all = ["kernel", "initrd", "dtb", "overlay"])]
    pub efi_driver: bool,
    /// Write the bundle, or the image, to this file, - for stdout
    #[arg(short, long, value_name = "OUT")]
    pub output: PathBuf,
}

/// List the contents of a bundle.
#[derive(Args, Debug)]
#[command(after_help = help::SHOW)]
pub struct Show {
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub format: Plain,
    /// A bundle (.itb), or a stage with one appended; - for stdin
    pub bundle: PathBuf,
}

/// Extract the files of a bundle, or the trees of an Android image.
#[derive(Args, Debug)]
#[command(
    after_help = help::UNPACK
)]
pub struct Unpack {
    /// The configuration to extract [default: the default configuration of the bundle]
    #[arg(long, value_name = "NAME")]
    pub configuration: Option<String>,
    /// Write the files to this directory, which is created if missing
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// A bundle (.itb), or a stage with one appended, - for stdin; an Android image (boot.img,
    /// vendor_boot.img, dtb.img, dtbo.img), or a file with several trees
    pub bundle: PathBuf,
}

/// List the rules.
#[derive(Args, Debug)]
pub struct Rules {
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub format: RulesFormat,
}

/// Names of rules, with those that there are for completions.
const NAMES: Hinted<String> = Hinted { hints: rule::names, parse: |text| Ok(text.to_owned()) };

/// Explain rules.
#[derive(Args, Debug)]
pub struct Explain {
    /// Numbers, names or prefixes: RF201, overlap, RF2
    #[arg(required = true, value_name = "RULE", value_parser = NAMES, hide_possible_values = true)]
    pub rules: Vec<String>,
}

/// Decode the stage's structured log.
#[derive(Args, Debug)]
#[command(after_help = help::LOG)]
pub struct Log {
    /// Memory dump with the log, - for stdin
    pub file: PathBuf,
    /// ELF file of the stage that wrote the log; the sentinel's ring needs none
    #[arg(long, value_name = "FILE")]
    pub elf: Option<PathBuf>,
}

/// Serve editors by the Language Server Protocol, on stdin and stdout.
#[derive(Args, Debug)]
#[command(after_help = help::LSP)]
pub struct Lsp {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it in place of the fields' own help")]
    pub boot: Boot,
    /// Given by some editors. The server always speaks over stdin and stdout.
    #[arg(long, hide = true)]
    pub stdio: bool,
}

/// Print a completion script.
#[derive(Args, Debug)]
#[command(after_help = help::COMPLETIONS)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// Print the manual.
#[derive(Args, Debug)]
#[command(after_help = help::MAN)]
pub struct Man {
    /// The command to describe [default: the tool]
    pub command: Option<String>,
    /// Write all pages into this directory
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    pub directory: Option<PathBuf>,
}

/// The forms in which rules are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RulesFormat {
    /// One line each
    #[default]
    Human,
    /// For programs
    Json,
    /// A page of the documentation, with reasons and examples
    Markdown,
}
