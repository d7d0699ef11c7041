//! Output for people, in the manner of rustc.

use anstyle::Style;
use ringfence::finding::{Finding, Severity};

use super::remarks::remarks;
use super::{Format, Results, snippet};
use crate::report::{Counts, Diagnostic, Excerpt, Report};
use crate::terminal::style::{BOLD, ERROR, FRAME, NOTE, WARNING};
use crate::terminal::text::{plural, printable};

pub(super) const FORMAT: Format = Format { name: "human", help: "For people", is_document: false, render };

/// Returns all repairs, all findings, and a line that counts them.
fn render(results: &Results<'_>) -> String {
    let mut out: String = results.reports.iter().map(repairs).collect();
    for report in results.reports {
        for shown in report.findings.iter().filter(|shown| shown.counts()) {
            let source = report.positions.as_ref().and_then(|positions| snippet::render(positions, shown));
            out += &source.unwrap_or_else(|| finding(&report.path, shown));
            out += "\n";
        }
    }
    out + &counts(results.reports) + "\n"
}

/// Returns how many inputs and findings there were, on one line.
#[must_use]
pub fn counts(reports: &[Report]) -> String {
    let counts = Counts::of(reports);
    let mut inputs = plural(reports.len(), "input");
    if counts.suppressed > 0 {
        inputs += &format!(" ({} suppressed)", counts.suppressed);
    }
    if !counts.reach(Severity::Note) {
        return format!("{NOTE}clean{NOTE:#}: {inputs}");
    }
    let parts = [(counts.errors, "error"), (counts.warnings, "warning"), (counts.notes, "note")];
    let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|&(n, what)| plural(n, what)).collect();
    format!("{BOLD}{}{BOLD:#} in {inputs}", parts.join(", "))
}

/// Returns the repairs that were made, one line each.
fn repairs(report: &Report) -> String {
    report.repairs.iter().map(|repair| format!("{NOTE}repaired{NOTE:#} {repair}\n")).collect()
}

fn finding(path: &str, shown: &Diagnostic) -> String {
    let Finding { rule, severity, node, message, .. } = &shown.finding;
    let style = match severity {
        Severity::Error => ERROR,
        Severity::Warning => WARNING,
        Severity::Note => NOTE,
    };
    let title = printable(&format!("{node}: {message}"));
    let mut out = format!("{style}{severity}[{rule}]{style:#}{BOLD}: {title}{BOLD:#}\n");
    let bar = bar();
    out += &format!("{FRAME}  -->{FRAME:#} {path}\n{bar}\n");
    if let Some(excerpt) = &shown.excerpt {
        out += &source(excerpt, style);
        out += &format!("{bar}\n");
    }
    for (word, text) in remarks(shown) {
        out += &remark(word, &text);
    }
    out
}

/// Returns the excerpt with a bar before each line, underlined at its mark.
fn source(excerpt: &Excerpt, style: Style) -> String {
    let (bar, mut out) = (bar(), String::new());
    let mut start = 0;
    for line in excerpt.text.lines() {
        out += &format!("{bar} {line}\n");
        if (start..start + line.len()).contains(&excerpt.mark.start) {
            let (blanks, carets) = (" ".repeat(excerpt.mark.start - start), "^".repeat(excerpt.mark.len()));
            let text = format!("{carets} {}", excerpt.label);
            out += &format!("{bar} {blanks}{style}{}{style:#}\n", text.trim_end());
        }
        start += line.len() + 1;
    }
    out
}

fn bar() -> String {
    format!("   {FRAME}|{FRAME:#}")
}

fn remark(word: &str, text: &str) -> String {
    format!("   {FRAME}={FRAME:#} {BOLD}{word}{BOLD:#}: {text}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence::finding::RuleId;

    #[test]
    fn a_tree_cannot_steer_the_terminal() {
        let mut hostile =
            Finding::new(RuleId(501), Severity::Error, "/chosen", "`cma=\x1b[2J` is not a size");
        hostile.help = "\r".into();
        let text = finding("b.dtb", &Diagnostic::bare(hostile));
        let text = anstream::adapter::strip_str(&text).to_string();
        assert!(text.contains("`cma=\\u{1b}[2J` is not a size"), "{text}");
        assert!(text.contains("help: \\r"), "{text}");
    }

    #[test]
    fn counts_read_as_sentences() {
        let report = |severities: &[Severity]| Report {
            path: "b.dtb".to_string(),
            findings: severities
                .iter()
                .map(|&s| Diagnostic::bare(Finding::new(RuleId(1), s, "/", "")))
                .collect(),
            ..Report::default()
        };
        let plain = |reports: &[Report]| anstream::adapter::strip_str(&counts(reports)).to_string();
        assert_eq!(plain(&[report(&[])]), "clean: 1 input");
        let several = [report(&[Severity::Note, Severity::Error]), report(&[Severity::Error])];
        assert_eq!(plain(&several), "2 errors, 1 note in 2 inputs");
    }
}
