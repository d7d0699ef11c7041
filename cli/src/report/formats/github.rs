//! Workflow commands of GitHub Actions: annotations that the diff of a pull request shows.

use ringfence::finding::Severity;
use ringfence::rules;

use super::{Format, Results};
use crate::report::{Diagnostic, Report};

pub(super) const FORMAT: Format = Format {
    name: "github",
    help: "Workflow commands, which GitHub shows in the diff",
    is_document: false,
    render,
};

/// One command a finding.
fn render(results: &Results<'_>) -> String {
    let counted = |report: &'_ Report| {
        let lines = report.findings.iter().filter(|shown| shown.counts()).map(|shown| command(report, shown));
        lines.collect::<String>()
    };
    results.reports.iter().map(counted).collect()
}

fn command(report: &Report, shown: &Diagnostic) -> String {
    let finding = &shown.finding;
    let word = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
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
            render(&Results { reports: &[report], limit: Severity::Error }),
            "::error file=a%2Cb%3Ac.dtb,title=RF001::/chosen: 100%25%0A::set-env name=x::y\n"
        );
    }
}
