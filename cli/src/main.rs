//! The command line of ringfence.

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
