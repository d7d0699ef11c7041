//! GitLab's code quality report (<https://docs.gitlab.com/ci/testing/code_quality/>), which merge requests
//! show.

use std::collections::HashMap;

use ringfence::finding::Severity;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Format, Results};
use crate::report::{Diagnostic, Report};
use crate::terminal::text;

pub(super) const FORMAT: Format =
    Format { name: "gitlab", help: "GitLab's code quality report", render, ..Format::DOCUMENT };

#[derive(Serialize)]
struct Issue<'r> {
    description: String,
    check_name: String,
    /// The same for the same finding of a later run.
    fingerprint: String,
    severity: &'static str,
    location: Location<'r>,
}

#[derive(Serialize)]
struct Location<'r> {
    path: &'r str,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
}

fn render(results: &Results<'_>) -> String {
    let issues: Vec<Issue<'_>> = results.reports.iter().flat_map(issues).collect();
    text::json(&issues)
}

fn issues(report: &Report) -> Vec<Issue<'_>> {
    if let Some(failure) = &report.failure {
        return vec![Issue {
            description: failure.message().to_owned(),
            check_name: "unreadable".to_owned(),
            fingerprint: fingerprint(&[&report.path, "unreadable"]),
            severity: "blocker",
            location: Location { path: &report.file, lines: Lines { begin: 1 } },
        }];
    }
    // GitLab drops an issue whose fingerprint it has seen.
    let mut seen = HashMap::new();
    let counted = report.findings.iter().filter(|shown| shown.counts());
    let issue = |shown| {
        let mut issue = issue(report, shown);
        let earlier = seen.entry(issue.fingerprint.clone()).or_insert(0);
        if *earlier > 0 {
            issue.fingerprint += &format!("-{earlier}");
        }
        *earlier += 1;
        issue
    };
    counted.map(issue).collect()
}

fn issue<'r>(report: &'r Report, shown: &'r Diagnostic) -> Issue<'r> {
    let finding = &shown.finding;
    let rule = finding.rule.to_string();
    let (path, begin) = match &shown.place {
        Some(located) => (&*located.place.file, located.place.line),
        // The report has no place without a line.
        None => (report.file.as_str(), 1),
    };
    let property = finding.property.as_deref().unwrap_or_default();
    Issue {
        description: format!("{}: {}", finding.node, finding.message),
        fingerprint: fingerprint(&[&report.path, &rule, &finding.node, property]),
        check_name: rule,
        severity: match finding.severity {
            Severity::Error => "critical",
            Severity::Warning => "minor",
            Severity::Note => "info",
        },
        location: Location { path, lines: Lines { begin } },
    }
}

fn fingerprint(parts: &[&str]) -> String {
    Sha256::digest(parts.join("\0")).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
