//! One line for each finding, `FILE:LINE:COLUMN: RULE SEVERITY NODE: MESSAGE`, for editors and `grep`.

use super::{Format, Results};
use crate::report::{Diagnostic, Report};
use crate::terminal::text::printable;

pub(super) const FORMAT: Format = Format {
    name: "concise",
    help: "One line for each finding, for editors and grep",
    render,
    ..Format::LINES
};

fn render(results: &Results<'_>) -> String {
    results.reports.iter().flat_map(lines).collect()
}

fn lines(report: &Report) -> Vec<String> {
    if let Some(failure) = &report.failure {
        // The message begins with the name of the input.
        return vec![format!("{}\n", printable(failure.message().trim_end()))];
    }
    let counted = report.findings.iter().filter(|shown| shown.counts());
    counted.map(|shown| printable(&line(report, shown)) + "\n").collect()
}

fn line(report: &Report, shown: &Diagnostic) -> String {
    let place = match &shown.place {
        Some(located) => {
            let place = &located.place;
            format!("{}:{}:{}", place.file, place.line, place.column)
        }
        None => report.path.clone(),
    };
    let finding = &shown.finding;
    format!("{place}: {} {} {}: {}", finding.rule, finding.severity, finding.node, finding.message)
}
