//! The command line of ringfence.

use std::process::ExitCode;

use clap::Parser;
use ringfence_cli::args::Cli;
use ringfence_cli::commands::{self, Outcome};

fn main() -> ExitCode {
    match commands::run(&Cli::parse()) {
        Ok(outcome) => outcome.into(),
        Err(failure) => {
            anstream::eprintln!("{}", failure.render());
            Outcome::Unusable.into()
        }
    }
}
