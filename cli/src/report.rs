//! What is known about one input after it was judged, free of the tree: every output format starts here.

use std::ops::Range;

use ringfence::fdt::{Node, Tree};
use ringfence::finding::{Finding, Severity};
use ringfence::plan::Repaired;

use crate::dts;
use crate::map::Entry;

/// One input, judged.
#[derive(Clone, Debug)]
pub struct Report {
    /// What the user called it.
    pub path: String,
    /// What the rules have to say.
    pub findings: Vec<Shown>,
    /// Who has which memory.
    pub map: Vec<Entry>,
    /// The repairs made, for `fix`.
    pub repairs: Vec<Repaired>,
}

/// A finding with the source it is about.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The finding.
    pub finding: Finding,
    /// The node as source, when it exists.
    pub excerpt: Option<Excerpt>,
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
}

impl Counts {
    /// Count the findings of all reports.
    #[must_use]
    pub fn of(reports: &[Report]) -> Self {
        let mut counts = Self::default();
        for shown in reports.iter().flat_map(|report| &report.findings) {
            match shown.finding.severity {
                Severity::Error => counts.errors += 1,
                Severity::Warning => counts.warnings += 1,
                Severity::Note => counts.notes += 1,
            }
        }
        counts
    }

    /// Tell whether there is any finding of at least `severity`.
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

/// Give each finding its excerpt of `tree`.
#[must_use]
pub fn show(tree: &Tree<'_>, findings: &[Finding]) -> Vec<Shown> {
    let shown = |finding: &Finding| Shown {
        excerpt: tree.find(&finding.node).map(|node| excerpt(node, finding)),
        finding: finding.clone(),
    };
    findings.iter().map(shown).collect()
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
    let own = finding.spans.iter().find(|mark| mark.what == node.name()).filter(|_| marked == "reg");
    Excerpt { text, mark, label: own.map(|mark| mark.span.to_string()).unwrap_or_default() }
}
