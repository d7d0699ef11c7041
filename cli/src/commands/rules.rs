//! `ringfence rules` and `ringfence explain`.

use ringfence::finding::Severity;
use ringfence::rules::{ALL_KERNELS, DOCS, Doc};
use serde_json::json;

use super::Outcome;
use crate::args::{Explain, Rules, RulesFormat};
use crate::failure::Failure;
use crate::terminal::style::{BOLD, DIM, ERROR, NOTE, WARNING};
use crate::{suggest, terminal};

/// Width in columns that running text is wrapped to.
const WIDTH: usize = 90;

pub(super) fn rules(args: &Rules) -> Result<Outcome, Failure> {
    let text = match args.format {
        RulesFormat::Human => DOCS.iter().map(row).collect(),
        RulesFormat::Markdown => chapter(),
        RulesFormat::Json => {
            let rules: Vec<_> = DOCS.iter().map(object).collect();
            format!("{:#}\n", json!({ "schema": 1, "rules": rules }))
        }
    };
    terminal::out(&text)?;
    Ok(Outcome::Clean)
}

fn row(doc: &Doc) -> String {
    let style = match doc.severity {
        Severity::Error => ERROR,
        Severity::Warning => WARNING,
        Severity::Note => NOTE,
    };
    let repair = if doc.repair.is_empty() { "" } else { " (repairable)" };
    let severity = doc.severity.to_string();
    format!("{} {style}{severity:7}{style:#} {}{DIM}{repair}{DIM:#}\n", doc.id, doc.title)
}

fn object(doc: &Doc) -> serde_json::Value {
    json!({
        "id": doc.id.to_string(), "severity": doc.severity.to_string(), "title": doc.title,
        "kernels": doc.kernels, "why": doc.why, "repair": doc.repair,
    })
}

/// `docs/rules.md`.
fn chapter() -> String {
    let mut out = String::from(
        "# Rules\n\nWritten by `ringfence rules --format markdown`; `ringfence explain RULE` shows one. Numbers are stable \
         for ever: 1xx structure, 2xx spans and overlaps, 3xx pools and CMA, 4xx policy, 5xx bootargs, 6xx references \
         and names.\n\n| rule | severity | what must hold |\n|---|---|---|\n",
    );
    for doc in DOCS {
        out += &format!("| [{0}](#{1}) | {2} | {3} |\n", doc.id, anchor(doc), doc.severity, doc.title);
    }
    for doc in DOCS {
        let (title, kernels) = (doc.title, kernels(doc));
        out += &format!(
            "\n## {}\n\n**{title}** ({}, {kernels})\n\n{}\n",
            doc.id,
            doc.severity,
            wrapped(doc.why)
        );
        for (title, language, text) in
            [("Wrong", "dts", doc.bad), ("Right", "dts", doc.good), ("Under the policy", "toml", doc.policy)]
        {
            if !text.is_empty() {
                out += &format!("\n{title}:\n\n```{language}\n{}\n```\n", text.trim_end());
            }
        }
        if !doc.repair.is_empty() {
            out += &format!("\nRepair: {}\n", wrapped(doc.repair));
        }
    }
    out
}

/// The kernels on which a rule bites, in words.
fn kernels(doc: &Doc) -> String {
    match doc.kernels {
        [] => "no kernel minds".to_string(),
        some if some.len() == ALL_KERNELS.len() => "all kernels".to_string(),
        some => format!("kernels {}", some.join(", ")),
    }
}

fn anchor(doc: &Doc) -> String {
    doc.id.to_string().to_ascii_lowercase()
}

pub(super) fn explain(args: &Explain) -> Result<Outcome, Failure> {
    let wanted = args.rule.to_ascii_uppercase();
    let Some(doc) = DOCS.iter().find(|doc| doc.id.to_string() == wanted) else {
        let known: Vec<String> = DOCS.iter().map(|doc| doc.id.to_string()).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        return Err(Failure::new(format!("unknown rule `{}`", args.rule)).with_help(match suggest::nearest(
            &wanted,
            known.iter().copied(),
        ) {
            Some(meant) => format!("did you mean {meant}? `ringfence rules` lists all"),
            None => "`ringfence rules` lists all".to_string(),
        }));
    };
    terminal::out(&page(doc))?;
    Ok(Outcome::Clean)
}

fn page(doc: &Doc) -> String {
    let repair =
        if doc.repair.is_empty() { "None: only the author of the tree can tell." } else { doc.repair };
    format!("{BOLD}{}: {}{BOLD:#} ({})\n\n{}\n", doc.id, doc.title, doc.severity, wrapped(doc.why))
        + &section("Wrong", doc.bad)
        + &section("Right", doc.good)
        + &section("Policy", doc.policy)
        + &format!("\n{BOLD}Repair{BOLD:#}\n{}\n", wrapped(repair))
}

/// An example under its title, indented; nothing when there is none.
fn section(title: &str, text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let lines = text.lines().map(|line| format!("    {}\n", line.replace('\t', "    ")));
    format!("\n{BOLD}{title}{BOLD:#}\n{}", lines.collect::<String>())
}

/// Break running text into lines at blanks.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + 1 + word.len() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines.join("\n")
}
