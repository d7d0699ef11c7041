//! Where rules put their findings, bounded so that a hostile tree cannot fill the stage's heap with them.

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
}

impl Sink {
    /// Let the next rule speak.
    pub(super) fn next_rule(&mut self) {
        self.start = self.kept.len();
    }

    /// Report a finding.
    pub fn push(&mut self, finding: Finding) {
        if self.kept.len() - self.start < MAX_PER_RULE {
            self.kept.push(finding);
        } else if finding.severity == Severity::Error {
            let mine = self.kept.get_mut(self.start..).unwrap_or_default();
            if let Some(lesser) = mine.iter_mut().rev().find(|kept| kept.severity < Severity::Error) {
                *lesser = finding;
            }
        }
    }

    /// Take them all, in the order of the rules.
    #[must_use]
    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::RuleId;

    #[test]
    fn a_flood_of_warnings_hides_no_error() {
        let mut sink = Sink::default();
        let finding = |rule, severity| Finding::new(RuleId(rule), severity, "/", "");
        sink.next_rule();
        for _ in 0..MAX_PER_RULE * 2 {
            sink.push(finding(1, Severity::Warning));
        }
        sink.push(finding(1, Severity::Error));
        sink.next_rule();
        sink.push(finding(2, Severity::Error));
        let found = sink.into_findings();
        assert_eq!(found.len(), MAX_PER_RULE + 1);
        assert_eq!(found.iter().filter(|f| f.severity == Severity::Error).count(), 2);
    }
}
