//! The trees that break a board silently: each has a file with the expected result, checked in Linux.

use super::{Case, refused};
use crate::boards::virt;
use crate::iomem::Iomem;
use crate::job::{self, Parts};
use crate::setup::Series;
use crate::test_bed::TestBed;
use crate::workspace::Workspace;
use crate::{assertions, dtc};
use anyhow::{Context, Result, bail, ensure};
use ringfence::span::Span;
use serde::Deserialize;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// What becomes of a tree.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    /// The stage repairs it and Linux comes up with every carveout in place.
    Repaired,
    /// The stage refuses it and powers the board off.
    Refused,
}

/// An expectation file, `scenarios/expect/NAME.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Expectation {
    /// The tree's source, from `scenarios/`.
    tree: PathBuf,
    /// The policy, from `scenarios/`.
    policy: Option<PathBuf>,
    /// Added to the kernel command line.
    #[serde(default)]
    append: String,
    outcome: Outcome,
    /// Rules that the console must name.
    rules: Vec<String>,
    /// Text that the console must hold, such as the repair.
    #[serde(default)]
    says: Vec<String>,
    /// First and last address of what Linux must keep out of System RAM.
    #[serde(default)]
    carved: Vec<[String; 2]>,
}

/// Returns one case for each expectation file, by name.
pub(super) fn cases(ws: &Workspace) -> Result<Vec<Case>> {
    let dir = ws.proving_ground().join("scenarios/expect");
    let mut files: Vec<PathBuf> = fs::read_dir(&dir)
        .with_context(|| dir.display().to_string())?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.sort();
    let mut cases = Vec::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "toml")) {
        let text = fs::read_to_string(file)?;
        let expected: Expectation = toml::from_str(&text).with_context(|| file.display().to_string())?;
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        cases.push(Case::new(format!("scenario-{stem}"), move |bed, name| boot(bed, name, &expected)));
    }
    Ok(cases)
}

fn boot(bed: &TestBed, name: &str, expected: &Expectation) -> Result<String> {
    let ws = &bed.ws;
    let scenarios = ws.proving_ground().join("scenarios");
    let policy = expected.policy.as_ref().map(|policy| scenarios.join(policy));
    let parts =
        Parts { kernel: Series::V6_12.image(ws), initrd: Some(bed.initrd()?), policy, ..Parts::default() };
    let bundle = bed.pack(&parts)?;
    let tree = dtc::compile(ws, &scenarios.join(&expected.tree))?;
    let append = format!("{} {} {}", virt::APPEND, job::QUICK, expected.append);
    let board = job::board(bed.stage()?.image, Some(bundle), Some(tree), append.trim_end());
    let transcript = bed.boot(name, &board, Duration::from_secs(180))?;

    let seen = match expected.outcome {
        Outcome::Refused => {
            let halt = refused(&transcript)?;
            ensure!(
                expected.rules.iter().any(|rule| halt.contains(rule.as_str())),
                "refused for another reason: {halt}"
            );
            format!("refused: {halt}")
        }
        Outcome::Repaired => {
            let held = assertions::held(&transcript)?;
            let iomem = Iomem::parse(transcript.section("iomem"))?;
            assertions::filled(&transcript)?;
            for ends in &expected.carved {
                assertions::carved(&iomem, name, span(ends)?)?;
            }
            format!("repaired: {held}")
        }
    };
    let stage: Vec<&str> = transcript.stage().collect();
    for text in expected.rules.iter().chain(&expected.says) {
        ensure!(stage.iter().any(|line| line.contains(text.as_str())), "the console does not show `{text}`");
    }
    Ok(seen)
}

fn span([first, last]: &[String; 2]) -> Result<Span> {
    let number = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16);
    match Span::from_ends(number(first)?, number(last)?.saturating_add(1)) {
        Some(span) => Ok(span),
        None => bail!("{first}..{last} is not a span"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_expectation_is_readable_and_names_files_that_are_there() {
        let ws = Workspace::locate();
        let cases = cases(&ws).unwrap();
        assert!(cases.len() >= 9, "{} scenarios", cases.len());
        let scenarios = ws.proving_ground().join("scenarios");
        for entry in fs::read_dir(scenarios.join("expect")).unwrap() {
            let expected: Expectation =
                toml::from_str(&fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap();
            assert!(scenarios.join(&expected.tree).is_file(), "{:?}", expected.tree);
            assert!(expected.policy.is_none_or(|policy| scenarios.join(policy).is_file()));
            assert!(!expected.rules.is_empty(), "a scenario that breaks no rule shows nothing");
            let shows = expected.outcome == Outcome::Refused || !expected.carved.is_empty();
            assert!(shows, "a repair must say what Linux has to keep out of System RAM");
            assert!(expected.carved.iter().all(|ends| span(ends).is_ok()));
        }
    }
}
