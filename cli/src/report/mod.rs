//! What is known about one input after it was judged, free of the tree: every output format starts here.

pub mod diff;
pub mod dts;
pub mod formats;
pub mod kernels;
pub mod source_fix;

use std::ops::Range;

use ringfence::fdt::{Node, Tree};
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
        Self { finding, excerpt: None, place: None, kernels: Vec::new(), suppressed: None, fix: None }
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

/// Why a finding does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppressed {
    /// What silenced it: `config` or `baseline`.
    pub by: &'static str,
    /// Why.
    pub reason: String,
}

/// A node as source, with a mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The source, several lines.
    pub text: String,
    /// The bytes to underline.
    pub mark: Range<usize>,
    /// What to write there.
    pub label: String,
    /// The property that is marked; empty for the node itself.
    pub property: String,
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

/// Properties that say something about memory; the others of a node are left out of its excerpt.
const SHOWN: &[&str] = &[
    "#address-cells",
    "#size-cells",
    "alignment",
    "alloc-ranges",
    "bootargs",
    "compatible",
    "device_type",
    "linux,cma-default",
    "linux,initrd-end",
    "linux,initrd-start",
    "linux,usable-memory",
    "no-map",
    "ranges",
    "reg",
    "reusable",
    "size",
    "status",
];

/// What a finding is most likely about, when its message names no property.
const LIKELY: &[&str] = &["reg", "size", "bootargs"];

/// Gives each finding its excerpt of `tree`, and its place in the source that the tree was compiled from.
#[must_use]
pub fn show(tree: &Tree<'_>, findings: &[Finding], positions: Option<&Positions>) -> Vec<Diagnostic> {
    let shown = |finding: &Finding| {
        let excerpt = tree.find(&finding.node).map(|node| excerpt(node, finding));
        let place = positions.and_then(|positions| locate(positions, finding, excerpt.as_ref()));
        Diagnostic { excerpt, place, ..Diagnostic::bare(finding.clone()) }
    };
    findings.iter().map(shown).collect()
}

fn locate(positions: &Positions, finding: &Finding, excerpt: Option<&Excerpt>) -> Option<Located> {
    // A node that the source does not have comes from elsewhere, for example the command line.
    if excerpt.is_some() && !positions.has(&finding.node) {
        return None;
    }
    let node = positions.node(&finding.node);
    let property = excerpt.and_then(|excerpt| positions.property(&finding.node, &excerpt.property));
    match property {
        Some(place) => Some(Located { place, node }),
        None => node.map(|place| Located { place, node: None }),
    }
}

fn excerpt(node: Node<'_, '_>, finding: &Finding) -> Excerpt {
    let mut text = format!("{} {{\n", dts::shown_name(node));
    let mut mark = 0..dts::shown_name(node).len();
    let (mut rank, mut marked) = (usize::MAX, "");
    for prop in node.props().filter(|prop| SHOWN.contains(&prop.name)) {
        let line = dts::property(prop.name, prop.value);
        let start = text.len() + 4;
        text += &format!("    {line}\n");
        let likely = match finding.message.contains(&format!("`{}`", prop.name)) {
            true => Some(0),
            false => LIKELY.iter().position(|name| *name == prop.name).map(|at| at + 1),
        };
        if let Some(likely) = likely.filter(|&likely| likely < rank) {
            (rank, marked, mark) = (likely, prop.name, start..start + line.len());
        }
    }
    text += "};";
    let own = finding
        .spans
        .iter()
        .find(|labelled| labelled.label.text() == node.name())
        .filter(|_| marked == "reg");
    let label = own.map(|mark| mark.span.to_string()).unwrap_or_default();
    Excerpt { text, mark, label, property: marked.to_string() }
}
