//! `ringfence rules` and `ringfence explain`.

use ringfence::finding::Severity;
use ringfence::rules::{DOCS, Doc, Kernels};
use serde_json::json;

use super::Outcome;
use crate::args::{Explain, Rules, RulesFormat};
use crate::failure::Failure;
use crate::project::rule::Selector;
use crate::report::kernels::runs;
use crate::terminal;
use crate::terminal::prose::{unwrapped, wrapped};
use crate::terminal::style::{BOLD, DIM, ERROR, NOTE, WARNING};

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
    let repair = if doc.repair.is_empty() { "" } else { ", repairable" };
    let severity = doc.severity.to_string();
    let Doc { id, name, title, .. } = doc;
    format!("{id} {style}{severity:7}{style:#} {title} {DIM}({name}{repair}){DIM:#}\n")
}

fn object(doc: &Doc) -> serde_json::Value {
    json!({
        "id": doc.id.to_string(), "name": doc.name, "severity": doc.severity.to_string(), "title": doc.title,
        "kernels": doc.kernels.families().map(|family| family.to_string()).collect::<Vec<_>>(),
        "why": unwrapped(doc.why), "repair": unwrapped(doc.repair),
    })
}

/// `docs/rules.md`.
fn chapter() -> String {
    let mut out = String::from(
        "# Rules\n\nWritten by `ringfence rules --format markdown`; `ringfence explain RULE` shows one. A \
         rule has a number and a name, and neither ever changes: 1xx structure, 2xx spans and overlaps, 3xx \
         pools and CMA, 4xx policy, 5xx bootargs and `/chosen`, 6xx references and names, 7xx EFI, \
         8xx the sentinel, 9xx two trees.\n\n\
         | rule | severity | problem |\n|---|---|---|\n",
    );
    for doc in DOCS {
        out += &format!("| [{0}](#{1}) | {2} | {3} |\n", doc.id, anchor(doc), doc.severity, doc.title);
    }
    for doc in DOCS {
        let Doc { id, name, title, severity, .. } = doc;
        let (kernels, why) = (kernels(doc), wrapped(doc.why));
        out += &format!("\n## {id}\n\n**{title}** (`{name}`, {severity}, {kernels})\n\n{why}\n");
        for (title, language, text) in [
            ("Wrong", "dts", doc.bad),
            ("Right", "dts", doc.good),
            ("With the policy", "toml", doc.policy),
            ("With the EFI memory map", "text", doc.efi_map),
            ("With the loader's tree", "dts", doc.loader),
            ("With the load options", "text", doc.load_options),
        ] {
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

/// Returns the kernels that a problem affects, in words.
fn kernels(doc: &Doc) -> String {
    match doc.kernels {
        Kernels::All => "all kernels".to_string(),
        Kernels::None => "no kernel".to_string(),
        Kernels::From(version) => format!("kernels from {version} on"),
        Kernels::Where(_) => format!("kernels {}", runs(doc.kernels)),
    }
}

fn anchor(doc: &Doc) -> String {
    doc.id.to_string().to_ascii_lowercase()
}

pub(super) fn explain(args: &Explain) -> Result<Outcome, Failure> {
    let mut pages = Vec::new();
    for name in &args.rules {
        let selector = Selector::parse(name)
            .map_err(|help| Failure::new(format!("unknown rule `{name}`")).with_help(help))?;
        pages.extend(selector.rules().map(page));
    }
    terminal::out(&pages.join("\n"))?;
    Ok(Outcome::Clean)
}

fn page(doc: &Doc) -> String {
    let Doc { id, name, title, severity, .. } = doc;
    let repair =
        if doc.repair.is_empty() { "None: only the author of the tree can decide." } else { doc.repair };
    format!("{BOLD}{id}: {title}{BOLD:#} ({name}, {severity})\n\n{}\n", wrapped(doc.why))
        + &section("Wrong", doc.bad)
        + &section("Right", doc.good)
        + &section("Policy", doc.policy)
        + &section("EFI memory map", doc.efi_map)
        + &section("Loader's tree", doc.loader)
        + &section("Load options", doc.load_options)
        + &format!("\n{BOLD}Repair{BOLD:#}\n{}\n", wrapped(repair))
}

/// Returns an example under its title, indented; nothing when there is none.
fn section(title: &str, text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let lines = text.lines().map(|line| match line {
        "" => "\n".to_string(),
        line => format!("    {}\n", line.replace('\t', "    ")),
    });
    format!("\n{BOLD}{title}{BOLD:#}\n{}", lines.collect::<String>())
}
