//! Where rules put their findings: bounded, so that a hostile tree cannot fill the stage's heap with them.

use super::Report;
use super::report::{Subject, Text};
use crate::facts::Detail;
use crate::finding::{Finding, RuleId, Severity};
use alloc::vec::Vec;

/// Maximum number of findings that are kept of one rule.
pub const MAX_PER_RULE: usize = 256;

/// The findings of one run of the rules. Each rule has room of its own, and in it an error replaces a lesser
/// finding, so that no number of warnings hides an error.
#[derive(Debug)]
pub struct Sink {
    rule: RuleId,
    severity: Severity,
    detail: Detail,
    kept: Vec<Finding>,
    /// Where the findings of the current rule start.
    start: usize,
    /// The latest finding, while its rule may still add to it.
    open: Option<Report>,
    /// Whether the current rule had a finding to repair, or an error, that was not kept.
    cut: bool,
}

impl Sink {
    pub(super) const fn new(detail: Detail) -> Self {
        Self {
            rule: RuleId(0),
            severity: Severity::Error,
            detail,
            kept: Vec::new(),
            start: 0,
            open: None,
            cut: false,
        }
    }

    /// Starts the next rule, whose findings have this severity unless it says otherwise.
    pub(super) fn next_rule(&mut self, rule: RuleId, severity: Severity) {
        self.finish_rule();
        (self.rule, self.severity) = (rule, severity);
        self.start = self.kept.len();
    }

    /// Reports a finding of the current rule about a node: one sentence with the fact and its consequence.
    /// Details are added to what it returns.
    pub fn report<'t>(&mut self, node: impl Into<Subject<'t>>, message: impl Into<Text<'t>>) -> &mut Report {
        self.open_report(node.into(), message.into())
    }

    #[inline(never)]
    fn open_report(&mut self, node: Subject<'_>, message: Text<'_>) -> &mut Report {
        self.close();
        let finding = Finding::new(self.rule, self.severity, node.0, message.into_string());
        self.open.insert(Report { finding, detail: self.detail })
    }

    /// Returns the findings so far.
    pub(super) fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.kept.iter().chain(self.open.as_ref().map(|open| &open.finding))
    }

    /// Keeps the open finding where there is room for it.
    fn close(&mut self) {
        let Some(Report { finding, .. }) = self.open.take() else { return };
        if self.kept.len() - self.start < MAX_PER_RULE {
            self.kept.push(finding);
            return;
        }
        self.cut |= finding.repair.is_some() || finding.severity == Severity::Error;
        if finding.severity == Severity::Error {
            let mine = self.kept.get_mut(self.start..).unwrap_or_default();
            if let Some(lesser) = mine.iter_mut().rev().find(|kept| kept.severity < Severity::Error) {
                *lesser = finding;
            }
        }
    }

    /// What was not kept is not repaired either, and a tree that is repaired in part must not pass for a
    /// repaired one: an error says so.
    fn finish_rule(&mut self) {
        self.close();
        if core::mem::take(&mut self.cut) {
            self.report(
                "/reserved-memory",
                "has more problems of this kind than are listed and repaired in one run",
            )
            .severity(Severity::Error)
            .help("fix those that are listed, then check again");
            self.kept.extend(self.open.take().map(|report| report.finding));
        }
    }

    /// Takes all findings, in the order of the rules.
    #[must_use]
    pub(super) fn into_findings(mut self) -> Vec<Finding> {
        self.finish_rule();
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::RepairKind;

    #[test]
    fn a_flood_of_warnings_hides_no_error() {
        let mut sink = Sink::new(Detail::Full);
        sink.next_rule(RuleId(1), Severity::Warning);
        for _ in 0..MAX_PER_RULE * 2 {
            sink.report("/", "");
        }
        sink.report("/", "").severity(Severity::Error);
        sink.next_rule(RuleId(2), Severity::Error);
        sink.report("/", "");
        let found = sink.into_findings();
        let errors: Vec<_> = found.iter().filter(|f| f.severity == Severity::Error).map(|f| f.rule).collect();
        assert_eq!(
            errors,
            [RuleId(1), RuleId(1), RuleId(2)],
            "the late one, that something was cut, the next"
        );
        assert_eq!(found.len(), MAX_PER_RULE + 2);
    }

    #[test]
    fn repairs_that_were_not_kept_are_an_error() {
        let mut sink = Sink::new(Detail::Full);
        sink.next_rule(RuleId(1), Severity::Warning);
        for _ in 0..=MAX_PER_RULE {
            sink.report("/", "").repair(RepairKind::SettleCma, "");
        }
        let found = sink.into_findings();
        assert_eq!(found.last().map(|f| (f.rule, f.severity)), Some((RuleId(1), Severity::Error)));
    }

    #[test]
    fn a_finding_keeps_what_was_added_to_it() {
        let mut sink = Sink::new(Detail::Full);
        sink.next_rule(RuleId(7), Severity::Warning);
        sink.report("/a", "first").at("reg").severity(Severity::Note);
        sink.report("/b", format_args!("{}", 2)).help("do that");
        let [first, second] = &sink.into_findings()[..] else { panic!("two findings") };
        assert_eq!((&*first.node, first.property.as_deref()), ("/a", Some("reg")));
        assert_eq!((first.severity, second.severity), (Severity::Note, Severity::Warning));
        assert_eq!((&*second.message, &*second.help), ("2", "do that"));
    }
}
