//! `ringfence rules` and `ringfence explain`.

use ringfence::finding::Severity;
use ringfence::rules::{DOCS, Doc};
use serde_json::json;

use super::Outcome;
use crate::args::{Explain, Format, Rules};
use crate::failure::Failure;
use crate::style::{BOLD, DIM, ERROR, NOTE, WARNING};
use crate::suggest;

/// Width in columns that running text is wrapped to.
const WIDTH: usize = 90;

pub(super) fn rules(args: &Rules) -> Outcome {
    match args.format {
        Format::Human => {
            for doc in DOCS {
                let style = match doc.severity {
                    Severity::Error => ERROR,
                    Severity::Warning => WARNING,
                    Severity::Note => NOTE,
                };
                let repair = if doc.repair.is_empty() { "" } else { " (repairable)" };
                let severity = doc.severity.to_string();
                anstream::println!(
                    "{} {style}{severity:7}{style:#} {}{DIM}{repair}{DIM:#}",
                    doc.id,
                    doc.title
                );
            }
        }
        Format::Json => {
            let rules: Vec<_> = DOCS
                .iter()
                .map(|doc| {
                    json!({
                        "id": doc.id.to_string(), "severity": doc.severity.to_string(), "title": doc.title,
                        "why": doc.why, "repair": doc.repair,
                    })
                })
                .collect();
            anstream::println!("{:#}", json!({ "schema": 1, "rules": rules }));
        }
    }
    Outcome::Clean
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
    print(doc);
    Ok(Outcome::Clean)
}

fn print(doc: &Doc) {
    anstream::println!("{BOLD}{}: {}{BOLD:#} ({})", doc.id, doc.title, doc.severity);
    anstream::println!("\n{}", wrapped(doc.why));
    section("Wrong", doc.bad);
    section("Right", doc.good);
    section("Policy", doc.policy);
    if doc.repair.is_empty() {
        anstream::println!(
            "\n{BOLD}Repair{BOLD:#}\n{}",
            wrapped("None: only the author of the tree can tell.")
        );
    } else {
        anstream::println!("\n{BOLD}Repair{BOLD:#}\n{}", wrapped(doc.repair));
    }
}

fn section(title: &str, text: &str) {
    if text.is_empty() {
        return;
    }
    anstream::println!("\n{BOLD}{title}{BOLD:#}");
    for line in text.lines() {
        anstream::println!("    {}", line.replace('\t', "    "));
    }
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
