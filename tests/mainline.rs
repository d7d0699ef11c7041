//! Checks every device tree of a kernel package, and compares the findings with the known errors.
//!
//! `RINGFENCE_CORPUS` names the directory, as in `corpus.rs`. The expectations are for Debian's
//! `linux-image-6.12-arm64` (1,023 trees); another corpus is only surveyed. `RINGFENCE_BLESS=1` writes the
//! findings to `docs/findings.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use ringfence::facts::BootFacts;
use ringfence::finding::{RuleId, Severity};
use ringfence::pipeline::{self, Context};
use ringfence::profile::KernelProfile;
use ringfence::rules;

/// The number of trees in the package that the expectations are for.
const TREES: usize = 1023;

/// A finding of one board.
struct Found {
    board: String,
    rule: RuleId,
    severity: Severity,
    node: String,
    message: String,
}

fn collect(dir: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "dtb") {
            paths.push(path);
        }
    }
}

/// Returns every finding above a note, or `None` without a corpus.
fn found() -> Option<(usize, Vec<Found>)> {
    let Some(dir) = std::env::var_os("RINGFENCE_CORPUS").map(PathBuf::from) else {
        println!("skipped: RINGFENCE_CORPUS names no directory of device trees");
        return None;
    };
    let mut paths = Vec::new();
    collect(&dir, &mut paths);
    paths.sort();
    let (facts, profile) = (BootFacts::default(), KernelProfile::default());
    let mut all = Vec::new();
    for path in &paths {
        let bytes = std::fs::read(path).unwrap();
        let context = Context { policy: None, profile: &profile, facts: &facts };
        let judged = pipeline::survey(&bytes, context).unwrap().judge();
        let board = path.strip_prefix(&dir).unwrap().with_extension("").display().to_string();
        for finding in judged.findings().iter().cloned() {
            if finding.severity > Severity::Note {
                all.push(Found {
                    board: board.clone(),
                    rule: finding.rule,
                    severity: finding.severity,
                    node: finding.node,
                    message: finding.message,
                });
            }
        }
    }
    Some((paths.len(), all))
}

/// Returns the number of findings of a rule, and of boards with them.
fn counts(found: &[Found], rule: u16) -> (usize, usize) {
    let of_rule = || found.iter().filter(|found| found.rule == RuleId(rule));
    (of_rule().count(), of_rule().map(|found| &found.board).collect::<BTreeSet<_>>().len())
}

fn boards(found: &[Found], rule: u16) -> Vec<&str> {
    found.iter().filter(|found| found.rule == RuleId(rule)).map(|found| found.board.as_str()).collect()
}

#[test]
fn what_is_wrong_in_mainline_is_found_and_nothing_else() {
    let Some((trees, found)) = found() else { return };
    if trees != TREES {
        println!(
            "surveyed {trees} trees: {} findings; the expectations are about {TREES} others",
            found.len()
        );
        return;
    }
    assert_eq!(counts(&found, 201), (43, 27), "overlapping pairs");
    assert_eq!(counts(&found, 601), (28, 12), "wrong unit addresses");
    assert_eq!(boards(&found, 605), ["qcom/msm8992-xiaomi-libra"], "no-mem for no-map");
    assert_eq!(
        boards(&found, 306),
        ["amlogic/meson-gxl-s805x-libretech-ac", "amlogic/meson-gxl-s805x-p241"],
        "256 MiB of CMA that 512 MiB of RAM never hold in one piece"
    );
    assert_eq!(
        boards(&found, 211),
        ["qcom/msm8953-motorola-potter", "qcom/sdm630-sony-xperia-nile-voyager"],
        "framebuffers larger than their reservation"
    );
    let expected = [201, 211, 306, 605].map(RuleId);
    let others: Vec<_> = found
        .iter()
        .filter(|found| found.severity == Severity::Error && !expected.contains(&found.rule))
        .map(|found| format!("{} {} {}: {}", found.rule, found.board, found.node, found.message))
        .collect();
    assert!(others.is_empty(), "errors on boards that have none: {others:#?}");

    let page = page(&found);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/findings.md");
    if std::env::var_os("RINGFENCE_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), page, "docs/findings.md is out of date");
}

/// Returns the page: a table of the rules, then every error with its boards.
fn page(found: &[Found]) -> String {
    let mut out = String::from(
        "# Findings in mainline device trees\n\n\
         These are the findings in the 1,023 device trees of Debian's `linux-image-6.12-arm64`, checked for\n\
         a 6.12 kernel with 4 KiB pages, without a policy and without a boot loader's changes. An error is\n\
         memory that is unprotected, lost or used twice.\n\n\
         `RINGFENCE_CORPUS=DIR RINGFENCE_BLESS=1 cargo test --test mainline` writes this page.\n\n\
         | rule | severity | findings | boards | problem |\n|---|---|---|---|---|\n",
    );
    let mut severities: BTreeMap<RuleId, Severity> = BTreeMap::new();
    for found in found {
        let worst = severities.entry(found.rule).or_insert(found.severity);
        *worst = (*worst).max(found.severity);
    }
    for (rule, severity) in &severities {
        let (times, boards) = counts(found, rule.0);
        let title = rules::doc(*rule).map_or("", |doc| doc.title);
        writeln!(out, "| {rule} | {severity} | {times} | {boards} | {title} |").unwrap();
    }
    let mut errors: BTreeMap<(RuleId, &str, &str), BTreeSet<&str>> = BTreeMap::new();
    for found in found.iter().filter(|found| found.severity == Severity::Error) {
        errors.entry((found.rule, &found.node, &found.message)).or_default().insert(&found.board);
    }
    out += "\n## Errors\n";
    let mut last = None;
    for ((rule, node, message), boards) in errors {
        if last != Some(rule) {
            writeln!(out, "\n### {rule}\n").unwrap();
            last = Some(rule);
        }
        let node = node.trim_start_matches("/reserved-memory/");
        writeln!(out, "- `{node}` {message}").unwrap();
        boards.iter().for_each(|board| writeln!(out, "  - {board}").unwrap());
    }
    out
}
