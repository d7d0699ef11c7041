//! Findings: what a rule has to say about one place in a device tree.

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

/// A span that a finding points at, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The addresses.
    pub span: Span,
    /// What lies there, for example `camera@84300000` or `RAM`.
    pub what: String,
}

/// One thing that is wrong or worth saying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that speaks.
    pub rule: RuleId,
    /// How bad it is.
    pub severity: Severity,
    /// Path of the node it is about.
    pub node: String,
    /// One sentence: what is wrong and by how much.
    pub message: String,
    /// The addresses it is about, the culprit first.
    pub spans: Vec<Mark>,
    /// What to do.
    pub help: Cow<'static, str>,
    /// The repair that the planner may make for it.
    pub repair: Option<Repair>,
}

impl Finding {
    /// Start a finding; spans, help and repair are added by the `with_` methods.
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
            message: message.into(),
            spans: Vec::new(),
            help: Cow::Borrowed(""),
            repair: None,
        }
    }

    /// Point at a span.
    #[must_use]
    pub fn with_span(mut self, span: Span, what: impl Into<String>) -> Self {
        self.spans.push(Mark { span, what: what.into() });
        self
    }

    /// Say what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<Cow<'static, str>>) -> Self {
        self.help = help.into();
        self
    }

    /// Propose a repair.
    #[must_use]
    pub fn with_repair(mut self, kind: RepairKind, description: impl Into<String>) -> Self {
        self.repair = Some(Repair { kind, description: description.into() });
        self
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
