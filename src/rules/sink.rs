//! Where rules put their findings, bounded so that a hostile tree cannot fill the stage's heap with them.

use super::Report;
use crate::finding::{Finding, Severity};
use alloc::vec::Vec;

/// How many findings one rule may report. Past this many, more of the same helps nobody.
pub const MAX_PER_RULE: usize = 256;

/// The findings of one judgement. Each rule has its own room, and in it errors displace what is less, so that
/// no flood of warnings ever hides an error.
#[derive(Debug, Default)]
pub struct Sink {
    kept: Vec<Finding>,
    /// Where the findings of the rule that speaks now begin.
    start: usize,
    /// Whether it said more than was kept, with a repair or as an error.
    cut: bool,
}

impl Sink {
    /// Let the next rule speak.
    pub(super) fn next_rule(&mut self) {
        self.tell_cut();
        self.start = self.kept.len();
    }

    /// Report a finding.
    #[inline(never)]
    pub fn push(&mut self, report: Report) {
        if self.kept.len() - self.start < MAX_PER_RULE {
            self.kept.push(report.into_finding());
            return;
        }
        self.cut |= report.has_repair() || report.severity() == Severity::Error;
        if report.severity() == Severity::Error {
            let mine = self.kept.get_mut(self.start..).unwrap_or_default();
            if let Some(lesser) = mine.iter_mut().rev().find(|kept| kept.severity < Severity::Error) {
                *lesser = report.into_finding();
            }
        }
    }

    /// What was not kept cannot be repaired either, and half a repair is none: an error says so.
    fn tell_cut(&mut self) {
        if !core::mem::take(&mut self.cut) {
            return;
        }
        if let Some(rule) = self.kept.get(self.start).map(|finding| finding.rule) {
            let message = "has more to say than can be kept, and than can be repaired in one go";
            self.kept.push(
                Report::new(rule, Severity::Error, "/reserved-memory", message)
                    .with_help("correct what is listed, then look again")
                    .into_finding(),
            );
        }
    }

    /// Take them all, in the order of the rules.
    #[must_use]
    pub(super) fn into_findings(mut self) -> Vec<Finding> {
        self.tell_cut();
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{RepairKind, RuleId};

    fn finding(rule: u16, severity: Severity) -> Report {
        Report::new(RuleId(rule), severity, "/", "")
    }

    #[test]
    fn a_flood_of_warnings_hides_no_error() {
        let mut sink = Sink::default();
        sink.next_rule();
        for _ in 0..MAX_PER_RULE * 2 {
            sink.push(finding(1, Severity::Warning));
        }
        sink.next_rule();
        sink.push(finding(2, Severity::Error));
        let found = sink.into_findings();
        assert_eq!(found.len(), MAX_PER_RULE + 1);
        assert_eq!(found.last().map(|f| (f.rule, f.severity)), Some((RuleId(2), Severity::Error)));
    }

    #[test]
    fn repairs_that_were_not_kept_are_an_error() {
        let mut sink = Sink::default();
        sink.next_rule();
        for _ in 0..=MAX_PER_RULE {
            sink.push(finding(1, Severity::Warning).with_repair(RepairKind::SettleCma, ""));
        }
        let found = sink.into_findings();
        assert_eq!(found.last().map(|f| (f.rule, f.severity)), Some((RuleId(1), Severity::Error)));
    }
}
