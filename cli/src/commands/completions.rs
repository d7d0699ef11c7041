//! `ringfence completions`: a shell script from the definitions of the command line.

use clap::CommandFactory;

use super::Outcome;
use crate::args::{Cli, Completions};
use crate::failure::Failure;
use crate::terminal;

pub(super) fn completions(args: &Completions) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ringfence", &mut script);
    terminal::out(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Clean)
}
