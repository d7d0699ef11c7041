//! The command line of ringfence.

// Every input is hostile, so nothing outside tests may panic.
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

use std::process::ExitCode;

use clap::Parser;
use ringfence_cli::args::Cli;
use ringfence_cli::commands::{self, Outcome};
use ringfence_cli::terminal::{self, interrupt};

fn main() -> ExitCode {
    let cli = Cli::parse();
    cli.color.write_global();
    interrupt::listen();
    match commands::run(&cli) {
        Ok(outcome) => outcome.into(),
        Err(failure) => {
            terminal::err(&format!("{}\n", failure.render()));
            Outcome::Unusable.into()
        }
    }
}
