//! The proving ground of ringfence, run as `cargo xtask`: sets up, builds the stage, boots it, measures.

// An error names what failed and how to get on; a panic does not.
#![cfg_attr(
    not(test),
    warn(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

mod assertions;
mod boards;
mod boots;
mod build_cache;
mod cache;
mod cases;
mod chain;
mod commands;
mod counter;
mod dtc;
mod efi;
mod elf_image;
mod errata;
mod fuzz;
mod hostile;
mod initramfs;
mod iomem;
mod job;
mod machine;
mod parallel;
mod pressure;
mod profile;
mod renames;
mod reserved_nodes;
mod runner;
mod seeds;
mod sentinel;
mod setup;
mod shell;
mod stage;
mod test_bed;
mod transcript;
mod uboot;
mod workspace;

use clap::{Parser, Subcommand};
use setup::{Consent, Need};
use std::process::ExitCode;
use test_bed::TestBed;

/// The proving ground of ringfence.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring in everything that the other commands need
    Setup {
        /// Only list what is missing
        #[arg(long)]
        no_install: bool,
    },
    /// Boot a real Linux through the stage and check that every carveout holds
    Qemu(commands::qemu::Options),
    /// Build small arm64 kernels from Debian's sources
    Kernels(commands::kernels::Options),
    /// Check the stage for the bare-metal target with warnings denied
    LintStage {
        /// Install and fetch nothing
        #[arg(long)]
        no_install: bool,
    },
    /// Run everything: unit, property and corpus tests, and boots of real Linux
    Test(commands::test::Options),
    /// Try inputs that nobody has thought of, guided by the code that they reach
    Fuzz(commands::fuzz::Options),
    /// Change the core in small ways, and report the changes that no test notices
    Mutants(commands::mutants::Options),
    /// Boot Linux through every chain of loader, payload, board, level and kernel
    Matrix(commands::matrix::Options),
    /// Boot repaired trees without the stage, and compare Linux's map with the plan
    Boots(commands::boots::Options),
    /// Measure the stage and its rivals: bytes, and exact instruction counts
    Bench(commands::bench::Options),
    /// Boot with damaged trees and bundles: each ends in a sound hand-off or in one HALT line
    Hostile(commands::hostile::Options),
    /// Build a release: the tool as archive, Debian package and wheel, and the stage's images
    Dist(commands::dist::Options),
    /// Install the packages of a release in a Debian without Rust, use them, and remove them
    Packages(commands::packages::Options),
    /// Run or lint the recipes for CI services, builds of systems and the book by the programs that read them
    Recipes(commands::recipes::Options),
}

fn main() -> ExitCode {
    let ws = workspace::Workspace::locate();
    let result = match Cli::parse().command {
        Command::Setup { no_install } => set_up(&ws, no_install),
        Command::Qemu(options) => commands::qemu::run(&ws, &options),
        Command::Kernels(options) => commands::kernels::run(&ws, &options),
        Command::LintStage { no_install } => commands::lint::run(&ws, no_install),
        Command::Test(options) => commands::test::run(&ws, &options),
        Command::Fuzz(options) => commands::fuzz::run(&ws, &options),
        Command::Mutants(options) => commands::mutants::run(&ws, &options),
        Command::Matrix(options) => commands::matrix::run(&ws, &options),
        Command::Boots(options) => commands::boots::run(&ws, &options),
        Command::Bench(options) => commands::bench::run(&ws, &options),
        Command::Hostile(options) => commands::hostile::run(&ws, &options),
        Command::Dist(options) => commands::dist::run(&ws, &options),
        Command::Packages(options) => commands::packages::run(&ws, &options),
        Command::Recipes(options) => commands::recipes::run(&ws, &options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn set_up(ws: &workspace::Workspace, no_install: bool) -> anyhow::Result<()> {
    let consent = if no_install { Consent::Forbidden } else { Consent::Install };
    TestBed::set_up(ws, consent, &[Need::of_tests(), vec![Need::Cc]].concat())?;
    println!("everything is there; {}", setup::toolchain(ws, consent)?.description);
    Ok(())
}
