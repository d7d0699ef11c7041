//! Findings that are the same in several inputs, as boards that share a file have them: printed once.

use std::collections::HashMap;

use ringfence::finding::{Finding, Severity};

use crate::report::{Diagnostic, Report};

/// A finding, and the inputs that have it.
#[derive(Clone, Debug)]
pub(super) struct Folded<'r> {
    /// The first input that has it.
    pub(super) report: &'r Report,
    /// The finding there.
    pub(super) diagnostic: &'r Diagnostic,
    /// The names of the other inputs that have it.
    pub(super) others: Vec<&'r str>,
}

/// Folds the findings that count and have at least this severity, in the order of their first inputs.
pub(super) fn fold(reports: &[Report], least: Severity) -> Vec<Folded<'_>> {
    let mut folded: Vec<Folded<'_>> = Vec::new();
    let mut known = HashMap::new();
    for report in reports {
        let shown = report.findings.iter().filter(|shown| shown.counts() && shown.finding.severity >= least);
        for diagnostic in shown {
            let Finding { rule, severity, node, message, help, .. } = &diagnostic.finding;
            let place = diagnostic.place.as_ref().map(|located| (&located.place.file, located.place.line));
            let key = (rule.0, severity.to_string(), node, message, help, &diagnostic.kernels, place);
            let at = *known.entry(key).or_insert(folded.len());
            match folded.get_mut(at) {
                // One input can say the same of one node twice, and is one input then.
                Some(same) if same.report.path == report.path => {}
                Some(same) if same.others.last() == Some(&report.path.as_str()) => {}
                Some(same) => same.others.push(&report.path),
                None => folded.push(Folded { report, diagnostic, others: Vec::new() }),
            }
        }
    }
    folded
}
