//! How rules write a finding: a thin handle, so that the chain of calls in each of many rules moves a pointer and
//! not a whole finding. The stage has to hold every rule in few bytes.

use crate::finding::{Finding, Label, LabelledSpan, Repair, RepairKind, RuleId, Severity};
use crate::span::Span;
use crate::survey::Region;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::fmt::format;
use alloc::string::String;
use core::fmt;

/// Whether spans and the words for repairs are kept. On the bare machine nobody reads them: the console has one line
/// a finding, and the planner asks for the kind of a repair alone.
const FOR_PEOPLE: bool = cfg!(not(target_os = "none"));

/// A finding in the making.
#[derive(Debug)]
pub struct OldReport(Box<Finding>);

impl OldReport {
    /// Start a finding about a node.
    #[must_use]
    pub fn new(rule: RuleId, severity: Severity, node: impl AsRef<str>, message: impl AsRef<str>) -> Self {
        start(rule, severity, node.as_ref(), message.as_ref())
    }

    /// Point at a span.
    #[must_use]
    pub fn with_span(mut self, span: Span, what: impl fmt::Display) -> Self {
        if FOR_PEOPLE {
            point(&mut self.0, span, format_args!("{what}"));
        }
        self
    }

    /// Say what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl fmt::Display) -> Self {
        advise(&mut self.0, format_args!("{help}"));
        self
    }

    /// Propose a repair.
    #[must_use]
    pub fn with_repair(mut self, kind: RepairKind, description: impl fmt::Display) -> Self {
        propose(&mut self.0, kind);
        if FOR_PEOPLE {
            describe(&mut self.0, format_args!("{description}"));
        }
        self
    }

    /// Report it as no more than `severity`, and propose nothing.
    pub(super) fn no_worse_than(mut self, severity: Severity) -> Self {
        self.0.severity = severity;
        self.0.repair = None;
        self
    }

    /// Propose `no-map` for a region that Linux acts on, where it contradicts nothing.
    pub(super) fn with_no_map(self, region: &Region) -> Self {
        match region.enabled && region.may_be_unmapped() {
            true => self.with_repair(RepairKind::AddNoMap(region.node), "add `no-map`"),
            false => self,
        }
    }

    pub(super) fn into_finding(self) -> Finding {
        *self.0
    }
}

#[inline(never)]
fn start(rule: RuleId, severity: Severity, node: &str, message: &str) -> OldReport {
    OldReport(Box::new(Finding::new(rule, severity, node, message)))
}

#[inline(never)]
fn point(finding: &mut Finding, span: Span, what: fmt::Arguments<'_>) {
    finding.spans.push(LabelledSpan { span, label: Label::Node(format(what)) });
}

#[inline(never)]
fn advise(finding: &mut Finding, help: fmt::Arguments<'_>) {
    finding.help = Cow::Owned(format(help));
}

#[inline(never)]
fn propose(finding: &mut Finding, kind: RepairKind) {
    finding.repair = Some(Repair { kind, description: String::new() });
}

#[inline(never)]
fn describe(finding: &mut Finding, description: fmt::Arguments<'_>) {
    if let Some(repair) = &mut finding.repair {
        repair.description = format(description);
    }
}
