//! Findings: the problems that rules report, each about one place in a device tree.

use crate::claims::ClaimKind;
pub use crate::plan::RepairKind;
use crate::span::Span;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// How bad a finding is. Ordered: a note is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; harmless as it is.
    Note,
    /// Some kernel may do something else than the tree's author meant.
    Warning,
    /// Memory is unprotected, lost or used twice: the stage does not hand off while one is left.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A rule's stable number, shown as `RF201`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub u16);

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RF{:03}", self.0)
    }
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that was broken.
    pub rule: RuleId,
    /// How bad it is.
    pub severity: Severity,
    /// Path of the node it is about; `/memreserve/` for the list of reserved ranges.
    pub node: String,
    /// The property at fault, whether the node has it or lacks it; `None` where it is the node as a whole.
    pub property: Option<String>,
    /// One sentence: the fact with its numbers, and the consequence. Words for people: what a program needs
    /// is in the other fields.
    pub message: String,
    /// The addresses it is about, the culprit first.
    pub spans: Vec<LabelledSpan>,
    /// What to write instead, or what else to do.
    pub help: Cow<'static, str>,
    /// The repair that the planner may make for it.
    pub repair: Option<Repair>,
}

impl Finding {
    /// Returns a finding without property, spans, help and repair.
    #[must_use]
    pub fn new(
        rule: RuleId,
        severity: Severity,
        node: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            rule,
            severity,
            node: node.into(),
            property: None,
            message: message.into(),
            spans: Vec::new(),
            help: Cow::Borrowed(""),
            repair: None,
        }
    }
}

/// A span that a finding is about, and what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledSpan {
    /// The addresses.
    pub span: Span,
    /// What is there.
    pub label: Label,
}

/// What is at a span that a finding is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Label {
    /// The memory or the registers of the node with this path.
    Node(String),
    /// What claims it, which is not a region.
    Claim(ClaimKind),
    /// A bank of RAM.
    Ram,
    /// Bytes that two claims share.
    Shared,
    /// Bytes that should be reserved and are not.
    Unreserved,
    /// What the policy requires.
    Required,
}

impl Label {
    /// Returns the path of the node that has the span.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        match self {
            Self::Node(path) => Some(path),
            _ => None,
        }
    }

    /// Returns the words for it; for a node, its name.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Node(path) => path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(path),
            Self::Claim(kind) => kind.label(),
            Self::Ram => "RAM",
            Self::Shared => "claimed twice",
            Self::Unreserved => "not reserved",
            Self::Required => "required by the policy",
        }
    }
}

/// `RF201 error /reserved-memory/camera@84300000: message`: one line, as the stage's console shows it.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}: {}", self.rule, self.severity, self.node, self.message)
    }
}

/// A repair that a finding proposes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// What is to be done, and to what.
    pub kind: RepairKind,
    /// The same in words.
    pub description: String,
}
