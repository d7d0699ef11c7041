//! Workflow commands of GitHub Actions: annotations that the diff of a pull request shows.

use ringfence::finding::{Finding, Severity};
use ringfence::rules;

use super::{Format, Results};
use crate::report::{Counts, Diagnostic, Report};
use crate::terminal::text::{plural, printable};

pub(super) const FORMAT: Format = Format {
    name: "github",
    help: "Workflow commands, which GitHub shows in the diff",
    summary: Some(("GITHUB_STEP_SUMMARY", summary)),
    render,
    ..Format::LINES
};

/// GitHub shows as many annotations of each type for a step, and drops the rest.
const MAX_ANNOTATIONS: usize = 10;

/// Returns a command for each finding, errors first, as many of each type as GitHub shows. The step's summary
/// has all of them.
fn render(results: &Results<'_>) -> String {
    let (mut out, mut dropped) = (String::new(), 0);
    for (severity, word) in WORDS {
        let unreadable =
            results.reports.iter().filter_map(unreadable).filter(|_| severity == Severity::Error);
        let of_type = findings(results).filter(|(_, shown)| shown.finding.severity == severity);
        let all = unreadable.chain(of_type.map(|(report, shown)| command(word, report, shown)));
        let all: Vec<String> = all.collect();
        out.extend(all.iter().take(MAX_ANNOTATIONS).map(String::as_str));
        dropped += all.len().saturating_sub(MAX_ANNOTATIONS);
    }
    if dropped > 0 {
        let what = plural(dropped, "further finding");
        // An annotation would be one too many; a line of the log is not.
        out += &format!("ringfence: {what} in the step summary\n");
    }
    out
}

/// Returns the step's summary, in Markdown: the count of each rule, and every finding.
fn summary(results: &Results<'_>) -> String {
    let counts = Counts::of(results.reports);
    let mut out = format!(
        "### ringfence\n\n{}, {}, {} in {}\n",
        plural(counts.errors, "error"),
        plural(counts.warnings, "warning"),
        plural(counts.notes, "note"),
        plural(results.reports.len() - counts.unreadable, "input")
    );
    for report in results.reports {
        if let Some(failure) = &report.failure {
            out += &format!("\n- unreadable: `{}`", cell(failure.message()));
        }
    }
    if findings(results).next().is_some() {
        out += "\n| severity | rule | input | node | finding |\n|---|---|---|---|---|\n";
    }
    for (report, shown) in findings(results) {
        let Finding { severity, rule, node, message, .. } = &shown.finding;
        let (path, node, message) = (cell(&report.path), cell(node), cell(message));
        out += &format!("| {severity} | {rule} | `{path}` | `{node}` | {message} |\n");
    }
    out + "\n"
}

/// Text for a cell of a table: it cannot end the cell, or be anything but text.
fn cell(text: &str) -> String {
    let text = printable(text).replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|");
    text.replace('[', "\\[")
}

fn findings<'r>(results: &Results<'r>) -> impl Iterator<Item = (&'r Report, &'r Diagnostic)> {
    let of_one = |report: &'r Report| report.findings.iter().map(move |shown| (report, shown));
    results.reports.iter().flat_map(of_one).filter(|(_, shown)| shown.counts())
}

/// The command for each severity.
const WORDS: [(Severity, &str); 3] =
    [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "notice")];

fn unreadable(report: &Report) -> Option<String> {
    let failure = report.failure.as_ref()?;
    let file = property(&report.file);
    Some(format!("::error file={file},title=unreadable input::{}\n", data(failure.message())))
}

fn command(word: &str, report: &Report, shown: &Diagnostic) -> String {
    let finding = &shown.finding;
    let place = match &shown.place {
        Some(located) => {
            let place = &located.place;
            let file = property(&place.file);
            format!("file={file},line={},endLine={},col={}", place.line, place.end_line, place.column)
        }
        None => format!("file={}", property(&report.file)),
    };
    let mut text = format!("{}: {}", finding.node, finding.message);
    if !finding.help.is_empty() {
        text += &format!("\nhelp: {}", finding.help);
    }
    if let Some(kernels) = super::remarks::kernels(shown) {
        text += &format!("\nkernels: {kernels}");
    }
    let title = rules::doc(finding.rule).map_or("", |doc| doc.title);
    let title = property(format!("{} {title}", finding.rule).trim_end());
    format!("::{word} {place},title={title}::{}\n", data(&text))
}

/// Escapes what would end the command. Every other control character is of no use there.
fn data(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '%' => "%25".to_string(),
            '\n' => "%0A".to_string(),
            '\r' => "%0D".to_string(),
            c if c.is_control() => c.escape_default().to_string(),
            c => c.to_string(),
        })
        .collect()
}

/// As [`data`], and what would end a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::formats::Verbosity;
    use ringfence::finding::{Finding, RuleId};

    #[test]
    fn a_tree_cannot_speak_to_the_runner() {
        let finding = Finding::new(RuleId(1), Severity::Error, "/chosen", "100%\n::set-env name=x::y");
        let report = Report {
            path: "b.dtb".to_string(),
            file: "a,b:c.dtb".to_string(),
            findings: vec![Diagnostic::bare(finding)],
            ..Report::default()
        };
        assert_eq!(
            render(&Results {
                reports: &[report],
                limit: None,
                verbosity: Verbosity::Normal,
                statistics_follow: false,
            }),
            "::error file=a%2Cb%3Ac.dtb,title=RF001::/chosen: 100%25%0A::set-env name=x::y\n"
        );
    }
}
