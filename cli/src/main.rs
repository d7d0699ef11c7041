//! The command line of ringfence.

use std::process::ExitCode;

use clap::Parser;
use ringfence_cli::args::Cli;
use ringfence_cli::commands::{self, Outcome};
use ringfence_cli::terminal;

fn main() -> ExitCode {
    match commands::run(&Cli::parse()) {
        Ok(outcome) => outcome.into(),
        Err(failure) => {
            terminal::err(&format!("{}\n", failure.render()));
            Outcome::Unusable.into()
        }
    }
}
