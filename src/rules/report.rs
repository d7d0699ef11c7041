//! How a rule adds to a finding. The stage holds every rule in few bytes, so what many rules call is not
//! inlined and not generic.

use crate::analysis::Analysis;
use crate::claims::Claim;
use crate::facts::Detail;
use crate::fdt::Node;
use crate::finding::{Finding, Label, LabelledSpan, Repair, RepairKind, Severity};
use crate::span::Span;
use crate::survey::{Region, ReservedMemory};
use alloc::borrow::Cow;
use alloc::fmt::format;
use alloc::string::String;
use core::fmt;

/// A finding that its rule may still add to.
#[derive(Debug)]
pub struct Report {
    pub(super) finding: Finding,
    pub(super) detail: Detail,
}

impl Report {
    /// Names the property at fault, whether it is there or missing.
    #[inline(never)]
    pub fn at(&mut self, property: &str) -> &mut Self {
        self.finding.property = Some(property.into());
        self
    }

    /// Gives the finding another severity than its rule has.
    pub const fn severity(&mut self, severity: Severity) -> &mut Self {
        self.finding.severity = severity;
        self
    }

    /// Adds a span.
    #[inline(never)]
    pub fn span(&mut self, span: Span, label: Label) -> &mut Self {
        if self.detail == Detail::Full {
            self.finding.spans.push(LabelledSpan { span, label });
        }
        self
    }

    /// Adds a span that a region has, or wants.
    #[inline(never)]
    pub fn region(&mut self, span: Span, region: &Region) -> &mut Self {
        if self.detail == Detail::Full {
            self.span(span, Label::Node(region.path.clone()));
        }
        self
    }

    /// Adds a span that a node has, such as the registers of a device.
    #[inline(never)]
    pub fn node(&mut self, span: Span, node: Node<'_, '_>) -> &mut Self {
        if self.detail == Detail::Full {
            self.span(span, Label::Node(node.path()));
        }
        self
    }

    /// Adds the span of a claim.
    #[inline(never)]
    pub fn claim(&mut self, claim: &Claim, analysis: &Analysis<'_, '_>) -> &mut Self {
        match analysis.region(claim.kind) {
            Some(region) => self.region(claim.span, region),
            None => self.span(claim.span, Label::Claim(claim.kind)),
        }
    }

    /// Says what to write instead, or what else to do.
    pub fn help<'t>(&mut self, help: impl Into<Text<'t>>) -> &mut Self {
        self.set_help(help.into())
    }

    /// Proposes a repair.
    pub fn repair<'t>(&mut self, kind: RepairKind, description: impl Into<Text<'t>>) -> &mut Self {
        self.set_repair(kind);
        if self.detail == Detail::Full {
            self.describe_repair(description.into());
        }
        self
    }

    /// Proposes `no-map` for a region that Linux reserves, where that contradicts nothing.
    pub(super) fn repair_no_map(&mut self, region: &Region) -> &mut Self {
        if region.enabled && region.may_be_unmapped() {
            self.repair(RepairKind::AddNoMap(region.node), "add `no-map`");
        }
        self
    }

    /// Proposes no repair after all.
    pub(super) fn no_repair(&mut self) -> &mut Self {
        self.finding.repair = None;
        self
    }

    #[inline(never)]
    fn set_help(&mut self, help: Text<'_>) -> &mut Self {
        self.finding.help = Cow::Owned(help.into_string());
        self
    }

    #[inline(never)]
    fn set_repair(&mut self, kind: RepairKind) {
        self.finding.repair = Some(Repair { kind, description: String::new() });
    }

    #[inline(never)]
    fn describe_repair(&mut self, description: Text<'_>) {
        if let Some(repair) = &mut self.finding.repair {
            repair.description = description.into_string();
        }
    }
}

/// The path of the node that a finding is about.
pub struct Subject<'a>(pub(super) Cow<'a, str>);

impl<'a> From<&'a str> for Subject<'a> {
    fn from(path: &'a str) -> Self {
        Self(Cow::Borrowed(path))
    }
}

impl<'a> From<&'a Region> for Subject<'a> {
    fn from(region: &'a Region) -> Self {
        Self(Cow::Borrowed(&region.path))
    }
}

impl<'a> From<&'a ReservedMemory> for Subject<'a> {
    fn from(reserved: &'a ReservedMemory) -> Self {
        Self(Cow::Borrowed(&reserved.path))
    }
}

impl From<Node<'_, '_>> for Subject<'_> {
    fn from(node: Node<'_, '_>) -> Self {
        Self(Cow::Owned(node.path()))
    }
}

/// Words, or how to make them.
pub enum Text<'a> {
    /// Words that are there.
    Plain(&'a str),
    /// Words to be made.
    Format(fmt::Arguments<'a>),
}

impl Text<'_> {
    pub(super) fn into_string(self) -> String {
        match self {
            Self::Plain(text) => text.into(),
            Self::Format(arguments) => format(arguments),
        }
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self::Plain(text)
    }
}

impl<'a> From<&'a String> for Text<'a> {
    fn from(text: &'a String) -> Self {
        Self::Plain(text)
    }
}

impl<'a> From<fmt::Arguments<'a>> for Text<'a> {
    fn from(arguments: fmt::Arguments<'a>) -> Self {
        Self::Format(arguments)
    }
}
