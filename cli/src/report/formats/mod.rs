//! The output formats, one file each. To add one, write its file and name it in [`ALL`].

mod github;
mod human;
mod json;
mod junit;
mod remarks;
mod sarif;
mod snippet;
mod statistics;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use ringfence::finding::Severity;

use super::Report;

pub use human::counts;
pub use statistics::statistics;

/// Every output format, in the order in which the help lists them.
const ALL: &[Format] = &[
    human::FORMAT,
    // One a line, so that a new format is one line.
    json::FORMAT,
    sarif::FORMAT,
    junit::FORMAT,
    github::FORMAT,
];

/// One way to print results.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// The name that `--format` takes.
    name: &'static str,
    /// What it is for, in the help text.
    help: &'static str,
    /// Whether it is one document, which nothing may follow in the same stream.
    pub is_document: bool,
    render: fn(&Results<'_>) -> String,
}

/// What is printed.
#[derive(Clone, Copy, Debug)]
pub struct Results<'r> {
    /// The inputs, judged, in their order.
    pub reports: &'r [Report],
    /// Findings of at least this severity count as failure.
    pub limit: Severity,
}

impl Format {
    /// Renders the results, ready to be printed.
    #[must_use]
    pub fn render(&self, results: &Results<'_>) -> String {
        (self.render)(results)
    }
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name).help(self.help))
    }
}
