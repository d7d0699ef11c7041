//! The number of findings of each rule: where to begin with an old tree.

use std::collections::BTreeMap;

use ringfence::finding::RuleId;
use ringfence::rules;

use crate::report::Report;

/// Returns a line for each rule that has something to say, the loudest first.
#[must_use]
pub fn statistics(reports: &[Report]) -> String {
    let mut counts: BTreeMap<RuleId, (usize, usize)> = BTreeMap::new();
    for report in reports {
        let mut seen = std::collections::BTreeSet::new();
        for shown in report.findings.iter().filter(|shown| shown.counts()) {
            let (findings, inputs) = counts.entry(shown.finding.rule).or_default();
            *findings += 1;
            *inputs += usize::from(seen.insert(shown.finding.rule));
        }
    }
    let mut rows: Vec<(RuleId, (usize, usize))> = counts.into_iter().collect();
    rows.sort_by_key(|&(rule, (findings, _))| (std::cmp::Reverse(findings), rule));
    if rows.is_empty() {
        return String::new();
    }
    let mut out = format!("{:>8} {:>8} rule\n", "findings", "inputs");
    for (rule, (findings, inputs)) in rows {
        let title = rules::doc(rule).map_or("", |doc| doc.title);
        out += &format!("{findings:>8} {inputs:>8} {rule} {title}\n");
    }
    out
}
