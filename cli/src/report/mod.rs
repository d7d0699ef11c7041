//! What is known about one input after it was judged, free of the tree: every output format starts here.

mod counterpart;
pub mod diff;
pub mod dts;
mod excerpt;
pub mod formats;
pub mod kernels;
pub mod source_edit;
pub mod source_fix;

pub use excerpt::{Excerpt, show};

use std::path::PathBuf;

use ringfence::finding::{Finding, Severity};
use ringfence::plan::Repaired;

use crate::failure::Failure;
use crate::input::{Place, Positions};
use crate::memmap::entries::Entry;
use crate::report::source_fix::Fix;

/// One input, judged.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What the user called it.
    pub path: String,
    /// The file that it was read from: for a tree from a bundle, the bundle.
    pub file: String,
    /// The base, if the file has an overlay.
    pub base: Option<PathBuf>,
    /// What the rules have to say.
    pub findings: Vec<Diagnostic>,
    /// Who has which memory.
    pub map: Vec<Entry>,
    /// The repairs made, for `fix`.
    pub repairs: Vec<Repaired>,
    /// The source that it was compiled from.
    pub positions: Option<Positions>,
    /// Warnings about the configuration, for example a suppression that expired.
    pub warnings: Vec<String>,
    /// The kernels that it was judged for.
    pub checked_for: Vec<String>,
    /// Whether a policy was applied.
    pub has_policy: bool,
    /// Why it cannot be read; there are no findings then.
    pub failure: Option<Failure>,
}

impl Report {
    /// Reports an input that cannot be read.
    #[must_use]
    pub fn unreadable(path: String, file: String, failure: Failure) -> Self {
        Self { path, file, failure: Some(failure), ..Self::default() }
    }
}

/// A finding with the source it is about.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// The finding.
    pub finding: Finding,
    /// The node as source, when it exists.
    pub excerpt: Option<Excerpt>,
    /// Where the source says it, when there is source.
    pub place: Option<Located>,
    /// Where the source says what the other nodes of the finding have.
    pub related: Vec<Related>,
    /// The kernels that it holds for; empty when it holds for all that were asked about.
    pub kernels: Vec<String>,
    /// Why it does not count, if it does not.
    pub suppressed: Option<Suppressed>,
    /// What to write instead, when there is source and the repair may be made.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// Takes a finding without anything around it.
    #[must_use]
    pub const fn bare(finding: Finding) -> Self {
        Self {
            finding,
            excerpt: None,
            place: None,
            related: Vec::new(),
            kernels: Vec::new(),
            suppressed: None,
            fix: None,
        }
    }

    /// Tells whether it counts.
    #[must_use]
    pub const fn counts(&self) -> bool {
        self.suppressed.is_none()
    }
}

/// Where the source says what a finding is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The property, or the node's name where no property is to blame.
    pub place: Place,
    /// The node's name, when `place` is a property.
    pub node: Option<Place>,
}

/// Where the source says what another node of a finding has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// Its `reg` or `size`, or its name.
    pub place: Place,
    /// The node's name and span.
    pub text: String,
}

/// Why a finding does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppressed {
    /// What silenced it: `config` or `baseline`.
    pub by: &'static str,
    /// Why.
    pub reason: String,
}

/// How many findings there are of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Errors.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
    /// Notes.
    pub notes: usize,
    /// Findings that do not count.
    pub suppressed: usize,
    /// Inputs that cannot be read.
    pub unreadable: usize,
}

impl Counts {
    /// Counts the findings of all reports.
    #[must_use]
    pub fn of(reports: &[Report]) -> Self {
        let unreadable = reports.iter().filter(|report| report.failure.is_some()).count();
        let mut counts = Self { unreadable, ..Self::default() };
        for shown in reports.iter().flat_map(|report| &report.findings) {
            if !shown.counts() {
                counts.suppressed += 1;
                continue;
            }
            match shown.finding.severity {
                Severity::Error => counts.errors += 1,
                Severity::Warning => counts.warnings += 1,
                Severity::Note => counts.notes += 1,
            }
        }
        counts
    }

    /// Tells whether there is any finding of at least `severity`.
    #[must_use]
    pub const fn reach(&self, severity: Severity) -> bool {
        match severity {
            Severity::Error => self.errors > 0,
            Severity::Warning => self.errors + self.warnings > 0,
            Severity::Note => self.errors + self.warnings + self.notes > 0,
        }
    }
}
