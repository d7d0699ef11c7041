//! Output for people, in the manner of rustc.

use anstyle::Style;
use ringfence::finding::{Finding, Severity};

use super::fold::{Folded, fold};
use super::remarks::remarks;
use super::{Format, Results, Verbosity, snippet, statistics};
use crate::report::{Counts, Diagnostic, Excerpt, Report};
use crate::terminal::style::{BOLD, DIM, ERROR, FRAME, NOTE, WARNING};
use crate::terminal::text::{plural, printable};

pub(super) const FORMAT: Format =
    Format { name: "human", help: "For people: excerpts as rustc prints them", render, ..Format::LINES };

/// Above this number of different findings each gets a line instead of an excerpt.
const MAX_EXCERPTS: usize = 20;

/// Maximum number of input names after an excerpt.
const MAX_NAMES: usize = 8;

/// Returns all repairs, all findings, and a line that counts them. Of several inputs, findings that are the
/// same are told once, and notes are left out by default.
fn render(results: &Results<'_>) -> String {
    let mut out: String = results.reports.iter().map(repairs).collect();
    let least = least(results);
    let folded = fold(results.reports, least);
    let verbose = results.verbosity == Verbosity::Verbose;
    let brief = folded.len() > MAX_EXCERPTS && !verbose && results.reports.len() > 1;
    if brief {
        out += &lines(folded);
    } else {
        out.extend(folded.iter().map(|folded| excerpt(folded, verbose) + "\n"));
    }
    let readable = results.reports.iter().any(|report| report.failure.is_none());
    if results.verbosity == Verbosity::Quiet || !readable {
        return out;
    }
    if brief {
        let table =
            if results.statistics_follow { String::new() } else { statistics(results.reports) + "\n" };
        out += &format!("\n{table}{DIM}-v shows every finding with its excerpt and help{DIM:#}\n");
    }
    out + &counts(results.reports, least) + "\n"
}

/// Returns the lowest severity that is shown.
fn least(results: &Results<'_>) -> Severity {
    let few = results.reports.len() == 1 || results.verbosity == Verbosity::Verbose;
    if few || results.limit == Some(Severity::Note) { Severity::Note } else { Severity::Warning }
}

/// Returns how many inputs and findings there were, on one line. Findings below `least` are not shown.
fn counts(reports: &[Report], least: Severity) -> String {
    let counts = Counts::of(reports);
    let mut inputs = plural(reports.len() - counts.unreadable, "input");
    if counts.suppressed > 0 {
        inputs += &format!(" ({} suppressed)", counts.suppressed);
    }
    if counts.unreadable > 0 {
        inputs += &format!(", {} unreadable", counts.unreadable);
    }
    if !counts.reach(Severity::Note) {
        return format!("{NOTE}clean{NOTE:#}: {inputs}");
    }
    let parts = [(counts.errors, "error"), (counts.warnings, "warning"), (counts.notes, "note")];
    let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|&(n, what)| plural(n, what)).collect();
    let hidden = if counts.notes > 0 && least > Severity::Note { " (shown with -v)" } else { "" };
    format!("{BOLD}{}{BOLD:#}{hidden} in {inputs}", parts.join(", "))
}

/// Returns the repairs that were made, one line each.
fn repairs(report: &Report) -> String {
    report.repairs.iter().map(|repair| format!("{NOTE}repaired{NOTE:#} {repair}\n")).collect()
}

/// Returns a finding over its source, with the names of the inputs that have it.
fn excerpt(folded: &Folded<'_>, verbose: bool) -> String {
    let Folded { report, diagnostic, others } = folded;
    let mut remarks = remarks(diagnostic);
    if !others.is_empty() {
        let named = if verbose { others.len() } else { others.len().min(MAX_NAMES) };
        let mut names = others.iter().take(named).copied().collect::<Vec<_>>().join(", ");
        if others.len() > named {
            names += &format!(" and {} more", others.len() - named);
        }
        let what = plural(others.len(), "other input");
        remarks.push(("inputs", printable(&format!("the same in {what}: {names}"))));
    }
    let positions = report.positions.as_ref();
    let source = positions.and_then(|positions| snippet::render(positions, diagnostic, &remarks));
    source.unwrap_or_else(|| finding(&report.path, diagnostic, &remarks))
}

/// Returns a line for each finding, errors first.
fn lines(mut folded: Vec<Folded<'_>>) -> String {
    folded.sort_by_key(|folded| {
        let finding = &folded.diagnostic.finding;
        (std::cmp::Reverse(finding.severity), finding.rule)
    });
    let line = |folded: &Folded<'_>| {
        let Finding { rule, severity, node, message, .. } = &folded.diagnostic.finding;
        let style = style(*severity);
        let more = match folded.others.len() {
            0 => String::new(),
            others => format!(" and {}", plural(others, "other input")),
        };
        let (path, text) = (printable(&folded.report.path), printable(&format!("{node}: {message}")));
        format!("{style}{severity}[{rule}]{style:#} {BOLD}{path}{BOLD:#}{more}: {text}\n")
    };
    folded.iter().map(line).collect()
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Error => ERROR,
        Severity::Warning => WARNING,
        Severity::Note => NOTE,
    }
}

fn finding(path: &str, shown: &Diagnostic, remarks: &[(&str, String)]) -> String {
    let Finding { rule, severity, node, message, .. } = &shown.finding;
    let style = style(*severity);
    let title = printable(&format!("{node}: {message}"));
    let mut out = format!("{style}{severity}[{rule}]{style:#}{BOLD}: {title}{BOLD:#}\n");
    let bar = bar();
    out += &format!("{FRAME}  -->{FRAME:#} {path}\n{bar}\n");
    if let Some(excerpt) = &shown.excerpt {
        out += &source(excerpt, style);
        out += &format!("{bar}\n");
    }
    for (word, text) in remarks {
        out += &format!("   {FRAME}={FRAME:#} {BOLD}{word}{BOLD:#}: {text}\n");
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

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence::finding::RuleId;

    #[test]
    fn a_tree_cannot_steer_the_terminal() {
        let mut hostile =
            Finding::new(RuleId(501), Severity::Error, "/chosen", "`cma=\x1b[2J` is not a size");
        hostile.help = "\r".into();
        let shown = Diagnostic::bare(hostile);
        let text = finding("b.dtb", &shown, &remarks(&shown));
        let text = anstream::adapter::strip_str(&text).to_string();
        assert!(text.contains("`cma=\\u{1b}[2J` is not a size"), "{text}");
        assert!(text.contains("help: \\r"), "{text}");
    }

    fn report(path: &str, severities: &[Severity]) -> Report {
        let finding = |&severity| Diagnostic::bare(Finding::new(RuleId(1), severity, "/", ""));
        Report { path: path.into(), findings: severities.iter().map(finding).collect(), ..Report::default() }
    }

    #[test]
    fn counts_read_as_sentences() {
        let plain = |reports: &[Report]| {
            anstream::adapter::strip_str(&counts(reports, Severity::Warning)).to_string()
        };
        assert_eq!(plain(&[report("a", &[])]), "clean: 1 input");
        let several = [report("a", &[Severity::Error, Severity::Error]), report("b", &[Severity::Error])];
        assert_eq!(plain(&several), "3 errors in 2 inputs");
        let unreadable = Report::unreadable("c".into(), "c".into(), crate::failure::Failure::new("gone"));
        let several = [report("a", &[Severity::Note, Severity::Error]), unreadable];
        assert_eq!(plain(&several), "1 error, 1 note (shown with -v) in 1 input, 1 unreadable");
    }

    #[test]
    fn what_several_inputs_share_is_told_once() {
        let reports = ["a", "b", "c"].map(|path| report(path, &[Severity::Error, Severity::Note]));
        let results = Results {
            reports: &reports,
            limit: None,
            verbosity: Verbosity::Normal,
            statistics_follow: false,
        };
        let text = anstream::adapter::strip_str(&render(&results)).to_string();
        assert_eq!(text.matches("error[RF001]").count(), 1, "{text}");
        assert!(text.contains("= inputs: the same in 2 other inputs: b, c\n"), "{text}");
        assert!(
            !text.contains("note[RF001]") && text.contains("3 notes (shown with -v) in 3 inputs"),
            "{text}"
        );
    }
}
