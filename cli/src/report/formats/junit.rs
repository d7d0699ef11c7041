//! JUnit XML: an input is a suite, a finding a case.

use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};
use ringfence::finding::Severity;

use super::{Format, Results};
use crate::report::{Diagnostic, Report};

pub(super) const FORMAT: Format =
    Format { name: "junit", help: "JUnit XML, for CI systems that show tests", render, ..Format::DOCUMENT };

/// Returns the reports as one document. Findings at or above the limit are failures, suppressed ones are
/// skipped, and those below the limit are output of the suite: a test that passes says nothing about them.
fn render(results: &Results<'_>) -> String {
    let mut document = Document::new("ringfence");
    for report in results.reports {
        document.add_test_suite(suite(report, results.limit));
    }
    // Only a writer can fail, and this one writes to memory.
    document.to_string().unwrap_or_default()
}

fn suite(report: &Report, limit: Option<Severity>) -> TestSuite {
    let mut suite = TestSuite::new(report.path.as_str());
    let mut output = String::new();
    for shown in &report.findings {
        match (&shown.suppressed, limit.is_some_and(|limit| shown.finding.severity >= limit)) {
            (Some(suppressed), _) => {
                let mut status = TestCaseStatus::skipped();
                status.set_message(suppressed.reason.as_str());
                suite.add_test_case(case(report, shown, status));
            }
            (None, true) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(shown.finding.message.as_str());
                status.set_type(shown.finding.severity.to_string());
                status.set_description(text(report, shown));
                suite.add_test_case(case(report, shown, status));
            }
            (None, false) => output += &text(report, shown),
        }
    }
    if let Some(failure) = &report.failure {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(failure.message());
        status.set_type("unreadable");
        suite.add_test_case(named(report, "memory map", status));
    } else if suite.test_cases.is_empty() {
        // A suite without cases looks as if nothing had been done.
        suite.add_test_case(named(report, "memory map", TestCaseStatus::success()));
    }
    if !output.is_empty() {
        suite.set_system_out(output.as_str());
    }
    suite
}

fn case(report: &Report, shown: &Diagnostic, status: TestCaseStatus) -> TestCase {
    named(report, &format!("{} {}", shown.finding.rule, shown.finding.node), status)
}

fn named(report: &Report, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(report.path.as_str());
    case
}

/// Returns a finding with its place, its spans and what to do.
fn text(report: &Report, shown: &Diagnostic) -> String {
    let finding = &shown.finding;
    let place = shown.place.as_ref().map_or_else(
        || report.path.clone(),
        |located| format!("{}:{}", located.place.file, located.place.line),
    );
    let mut text = format!("{place}: {finding}\n");
    for labelled in &finding.spans {
        text += &format!("  {} {}\n", labelled.span, labelled.label.text());
    }
    if !finding.help.is_empty() {
        text += &format!("help: {}\n", finding.help);
    }
    text
}
