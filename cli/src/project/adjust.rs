//! What a configuration and a baseline do to findings: other severities, and silence with a reason.

use std::path::Path;
use std::sync::atomic::Ordering;

use crate::project::baseline::Baseline;
use crate::project::config::Config;
use crate::project::date::Date;
use crate::report::{Report, Suppressed};

/// Applies a configuration to the findings of the input at `file`, as of `today`.
pub fn by_config(report: &mut Report, config: &Config, file: &Path, today: Date) {
    let name = config.path.display();
    let warnings = &mut report.warnings;
    report.findings.retain_mut(|shown| {
        let finding = &mut shown.finding;
        let Some(severity) = config.severity(finding.rule, finding.severity) else { return false };
        finding.severity = severity;
        for suppression in config.suppressions(file, finding.rule, &finding.node) {
            suppression.used.store(true, Ordering::Relaxed);
            match suppression.until.filter(|&until| until < today) {
                None => {
                    let reason = suppression.reason.clone();
                    shown.suppressed = Some(Suppressed { by: "config", reason });
                    break;
                }
                Some(until) => warnings.push(format!(
                    "{name}: the suppression of {} at {} expired on {until} (it said: {})",
                    finding.rule, finding.node, suppression.reason
                )),
            }
        }
        true
    });
}

/// Suppresses what a baseline knows already.
pub fn by_baseline(report: &mut Report, baseline: &Baseline) {
    for shown in report.findings.iter_mut().filter(|shown| shown.suppressed.is_none()) {
        if baseline.knows(&report.path, &shown.finding) {
            let reason = "known when the baseline was written".to_string();
            shown.suppressed = Some(Suppressed { by: "baseline", reason });
        }
    }
}
