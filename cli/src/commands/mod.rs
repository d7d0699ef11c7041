//! The commands, one file each.

mod check;
mod completions;
mod diff;
mod fix;
mod headroom;
mod init;
pub(crate) mod judge;
mod log;
mod man;
mod map;
mod pack;
mod plan;
mod policy;
mod predict;
mod report;
mod rules;
mod tree;
mod unpack;
mod verify;

use std::process::ExitCode;

use crate::args::{Cli, Command};
use crate::failure::Failure;
use crate::lsp;

/// The result of a command, as its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No findings at or above the limit.
    Clean = 0,
    /// Findings at or above the limit.
    Findings = 1,
    /// Wrong usage, or input that cannot be read.
    Unusable = 2,
    /// `fix` could not make the tree clean.
    NotFixed = 3,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome as u8)
    }
}

/// Runs the command.
///
/// # Errors
/// A [`Failure`] that has not been printed yet; the exit code is then 2.
pub fn run(cli: &Cli) -> Result<Outcome, Failure> {
    match &cli.command {
        Command::Check(args) => check::run(args),
        Command::Fix(args) => fix::run(args),
        Command::Predict(args) => predict::predicted(args),
        Command::Verify(args) => verify::run(args),
        Command::Report(args) => report::run(args),
        Command::Init(args) => init::run(args),
        Command::Map(args) => map::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Headroom(args) => headroom::run(args),
        Command::Plan(args) => plan::run(args),
        Command::Policy(args) => policy::run(args),
        Command::Pack(args) => pack::run(args),
        Command::Show(args) => unpack::show(args),
        Command::Unpack(args) => unpack::unpack(args),
        Command::Log(args) => log::run(args),
        Command::Lsp(args) => lsp::serve(&args.boot).map(|()| Outcome::Clean),
        Command::Rules(args) => rules::rules(args),
        Command::Explain(args) => rules::explain(args),
        Command::Completions(args) => completions::completions(args),
        Command::Man(args) => man::man(args),
    }
}
