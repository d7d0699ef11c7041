//! Output for people, in the manner of rustc.

use anstyle::Style;
use ringfence::finding::{Finding, Severity};
use ringfence::profile::PROFILES;
use ringfence::rules;
use ringfence::span::{Size, Span};

use super::snippet;
use crate::memmap::entries::Entry;
use crate::report::{Counts, Excerpt, Report, Shown};
use crate::terminal::style::{BOLD, DIM, ERROR, FRAME, NOTE, WARNING};

/// All findings, and a line that counts them.
pub(super) fn render(reports: &[Report]) -> String {
    let mut out = String::new();
    for report in reports {
        for shown in report.findings.iter().filter(|shown| shown.counts()) {
            let source = report.positions.as_ref().and_then(|positions| snippet::render(positions, shown));
            out += &source.unwrap_or_else(|| finding(&report.path, shown));
            out += "\n";
        }
    }
    out + &counts(reports) + "\n"
}

/// How many inputs and findings there were, on one line.
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

/// The repairs that were made, one line each.
#[must_use]
pub fn repairs(report: &Report) -> String {
    report.repairs.iter().map(|repair| format!("{NOTE}repaired{NOTE:#} {repair}\n")).collect()
}

fn finding(path: &str, shown: &Shown) -> String {
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

/// What is said below an excerpt, each with the word before it.
pub(super) fn remarks(shown: &Shown) -> Vec<(&'static str, String)> {
    let Finding { spans, help, repair, .. } = &shown.finding;
    let mut out = Vec::new();
    if spans.len() > 1 || shown.excerpt.is_none() {
        for mark in spans {
            out.push(("note", printable(&format!("{} {}", columns(mark.span), mark.what))));
        }
    }
    if let Some(kernels) = kernels(shown) {
        out.push(("kernels", kernels));
    }
    if !help.is_empty() {
        out.push(("help", printable(help)));
    }
    if let Some(repair) = repair {
        let word = if repair.kind.is_safe() { "" } else { ", if the policy allows it" };
        out.push(("repair", printable(&format!("`ringfence fix` can {}{word}", repair.description))));
    }
    out
}

/// The kernels on which a finding bites, unless it does so on all: of those that were asked about, or by the rule.
pub(super) fn kernels(shown: &Shown) -> Option<String> {
    if !shown.kernels.is_empty() {
        return Some(shown.kernels.join(", "));
    }
    let by_rule = rules::doc(shown.finding.rule)?.kernels;
    (1..PROFILES.len()).contains(&by_rule.len()).then(|| by_rule.join(", "))
}

/// The excerpt behind bars, underlined at its mark.
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

/// Text of a tree, such as its bootargs, is hostile: what could steer a terminal is shown as an escape.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}

/// A memory map as a table, and free memory where `free` is given.
#[must_use]
pub fn map(entries: &[Entry], free: Option<&[Span]>) -> String {
    let mut rows: Vec<(Option<Span>, String)> =
        entries.iter().map(|entry| (entry.span, row(entry))).collect();
    for &span in free.unwrap_or_default() {
        rows.push((Some(span), format!("  {DIM}{} free{DIM:#}", columns(span))));
    }
    // Each bank with what lies in it: a bank sorts before what starts at its base.
    rows.sort_by(|(a, a_text), (b, b_text)| {
        let key = |span: Option<Span>| span.map(|span| (span.base(), std::cmp::Reverse(span.end())));
        (a.is_none(), key(*a), a_text.starts_with(' ')).cmp(&(b.is_none(), key(*b), b_text.starts_with(' ')))
    });
    rows.into_iter().map(|(_, text)| text + "\n").collect()
}

fn row(entry: &Entry) -> String {
    let place = match entry.span {
        Some(span) => columns(span),
        None => format!("{:>25} {:>11}", "placed by the kernel:", Size(entry.size).to_string()),
    };
    if entry.kind == "ram" {
        return format!("{BOLD}{place}{BOLD:#}   ram        {}", printable(&entry.node));
    }
    let flags = if entry.flags.is_empty() {
        String::new()
    } else {
        format!(" {DIM}{}{DIM:#}", entry.flags.join(" "))
    };
    format!("  {place} {:10} {}{flags}", entry.kind, printable(&entry.node))
}

/// A span in columns, so that addresses stand below addresses.
#[must_use]
pub fn columns(span: Span) -> String {
    format!("{:#012x}..{:#012x} {:>11}", span.base(), span.end(), Size(span.len()).to_string())
}

fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence::finding::RuleId;

    #[test]
    fn a_tree_cannot_steer_the_terminal() {
        let hostile =
            Finding::new(RuleId(501), Severity::Error, "/chosen", "`cma=\x1b[2J` is no size").with_help("\r");
        let text = finding("b.dtb", &Shown::bare(hostile));
        let text = anstream::adapter::strip_str(&text).to_string();
        assert!(text.contains("`cma=\\u{1b}[2J` is no size"), "{text}");
        assert!(text.contains("help: \\r"), "{text}");
    }

    #[test]
    fn counts_read_as_sentences() {
        let report = |severities: &[Severity]| Report {
            path: "b.dtb".to_string(),
            findings: severities.iter().map(|&s| Shown::bare(Finding::new(RuleId(1), s, "/", ""))).collect(),
            ..Report::default()
        };
        let plain = |reports: &[Report]| anstream::adapter::strip_str(&counts(reports)).to_string();
        assert_eq!(plain(&[report(&[])]), "clean: 1 input");
        let several = [report(&[Severity::Note, Severity::Error]), report(&[Severity::Error])];
        assert_eq!(plain(&several), "2 errors, 1 note in 2 inputs");
    }
}
