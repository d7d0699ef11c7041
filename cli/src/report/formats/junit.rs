//! JUnit XML: an input is a suite, a finding a case.

use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};
use ringfence::finding::Severity;

use super::{Format, Results};
use crate::report::{Diagnostic, Report};

pub(super) const FORMAT: Format =
    Format { name: "junit", help: "JUnit XML, for CI systems that show tests", is_document: true, render };

/// Returns the reports as one document. Findings at or above the limit are failures; suppressed ones are
/// skipped.
fn render(results: &Results<'_>) -> String {
    let mut document = Document::new("ringfence");
    for report in results.reports {
        let mut suite = TestSuite::new(report.path.as_str());
        if report.findings.is_empty() {
            // A suite without cases looks as if nothing had been done.
            let mut case = TestCase::new("memory map", TestCaseStatus::success());
            case.set_classname(report.path.as_str());
            suite.add_test_case(case);
        }
        suite.add_test_cases(report.findings.iter().map(|shown| case(report, shown, results.limit)));
        document.add_test_suite(suite);
    }
    // Only a writer can fail, and this one writes to memory.
    document.to_string().unwrap_or_default()
}

fn case(report: &Report, shown: &Diagnostic, limit: Severity) -> TestCase {
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
    let mut status = match (&shown.suppressed, finding.severity >= limit) {
        (Some(_), _) => TestCaseStatus::skipped(),
        (None, true) => TestCaseStatus::non_success(NonSuccessKind::Failure),
        (None, false) => TestCaseStatus::success(),
    };
    let passed = matches!(status, TestCaseStatus::Success { .. });
    match &shown.suppressed {
        Some(suppressed) => {
            status.set_message(suppressed.reason.as_str());
        }
        None if !passed => {
            status.set_message(finding.message.as_str());
            status.set_type(finding.severity.to_string());
            status.set_description(text.as_str());
        }
        None => {}
    }
    let mut case = TestCase::new(format!("{} {}", finding.rule, finding.node), status);
    case.set_classname(report.path.as_str());
    if passed {
        case.set_system_out(text.as_str());
    }
    case
}
