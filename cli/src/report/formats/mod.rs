//! The output formats, one file each. To add one, write its file and name it in `ALL`.

mod concise;
mod fold;
mod github;
mod gitlab;
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

pub use statistics::statistics;

/// Every output format, in the order in which the help lists them.
const ALL: &[Format] = &[
    human::FORMAT,
    // One a line, so that a new format is one line.
    concise::FORMAT,
    json::FORMAT,
    sarif::FORMAT,
    junit::FORMAT,
    github::FORMAT,
    gitlab::FORMAT,
];

/// Turns results into text.
type Render = fn(&Results<'_>) -> String;

/// One way to print results.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// The name that `--format` takes.
    name: &'static str,
    /// What it is for, in the help text.
    help: &'static str,
    /// Whether it is one document, which nothing may follow in the same stream.
    pub is_document: bool,
    /// A summary apart from the results, and the environment variable with the file that it is appended to.
    pub summary: Option<(&'static str, Render)>,
    render: Render,
}

/// How much is printed for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// The findings only.
    Quiet,
    /// Of several inputs no notes, and of many findings a line each.
    #[default]
    Normal,
    /// Everything.
    Verbose,
}

/// What is printed.
#[derive(Clone, Copy, Debug)]
pub struct Results<'r> {
    /// The inputs, judged, in their order.
    pub reports: &'r [Report],
    /// Findings of at least this severity count as failure; `None` for no finding.
    pub limit: Option<Severity>,
    /// How much is printed for people.
    pub verbosity: Verbosity,
    /// The number of findings of each rule is printed afterwards.
    pub statistics_follow: bool,
}

impl Format {
    /// A format of lines, with everything else left out.
    const LINES: Self =
        Self { name: "", help: "", is_document: false, summary: None, render: |_| String::new() };

    /// A format that is one document, with everything else left out.
    const DOCUMENT: Self = Self { is_document: true, ..Self::LINES };

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
