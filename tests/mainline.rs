//! Checks every device tree of four kernel packages, each for its own kernel, and compares the errors with
//! those that are known to be defects.
//!
//! `RINGFENCE_CORPUS` names the directory with the trees of Debian's Linux 6.12, as in `corpus.rs`. Those of
//! 5.10, 6.1 and 7 are beside it, in directories with `-5.10`, `-6.1` and `-7` appended to its name. A
//! package with another number of trees is another one: it is only surveyed. `RINGFENCE_BLESS=1` writes the
//! findings to `docs/findings.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use ringfence::facts::BootFacts;
use ringfence::finding::{RuleId, Severity};
use ringfence::pipeline::{self, Context};
use ringfence::predict::Predictor;
use ringfence::profile::KernelProfile;
use ringfence::rules;

/// A package: the kernel that its trees are for, what its directory is called beside that of 6.12, and the
/// number of its trees.
const PACKAGES: [(&str, &str, usize); 4] =
    [("5.10", "-5.10", 296), ("6.1", "-6.1", 576), ("6.12", "", 1023), ("7.3", "-7", 1712)];

/// The defects that are known: rule, node, and why it is one.
const DEFECTS: &[(u16, &str, &str)] = &[
    (108, "reserved_memory", "an underscore in the name: every carveout of the board is ordinary memory"),
    (201, "memory@85800000", "the hypervisor's memory was given the size of all that follows it"),
    (201, "qhee-code@85800000", "the hypervisor's memory was given the size of all that follows it"),
    (201, "memory@86000000", "the modem's memory grew by 64 KiB over that of the IPA firmware"),
    (201, "hole2@6c00000", "the board states, under another name, what the file that it includes reserves"),
    (201, "memory@8da00000", "it reaches over all of the trusted applications' 20 MiB"),
    (201, "oem-vm-region@f8400000", "the region of a virtual machine reaches into the next one"),
    (
        201,
        "other_ext_region@0",
        "one region with a unit address of 0 over three others, two of them firmware's",
    ),
    (
        201,
        "other-ext-region@0",
        "one region with a unit address of 0 over three others, two of them firmware's",
    ),
    (
        201,
        "removed_region@85800000",
        "what firmware removes was stated over regions of the file that it includes",
    ),
    (201, "reserved@6c00000", "one region of the board over five of the file that it includes"),
    (201, "slpi@90b00000", "the GPU's region states the sensor processor's memory, not its own"),
    (201, "video@8b200000", "the board states the video firmware's memory a second time"),
    (211, "cont-splash@90001000", "the framebuffer takes twice the bytes of its region"),
    (211, "splash@9d400000", "the screen is larger than that of the board whose region it inherits"),
    (306, "linux,cma", "256 MiB of CMA that 512 MiB of RAM never hold in one piece"),
    (605, "qseecom@cb400000", "`no-mem` for `no-map`: the memory of the trusted firmware stays mapped"),
];

/// A finding of one board.
#[derive(Clone)]
struct Found {
    board: String,
    rule: RuleId,
    severity: Severity,
    node: String,
    message: String,
}

impl Found {
    /// Returns the name of its node.
    fn name(&self) -> &str {
        self.node.rsplit('/').next().unwrap_or_default()
    }

    /// Returns why it is a defect, if it is a known one.
    fn defect(&self) -> Option<&'static str> {
        let known = DEFECTS.iter().find(|(rule, node, _)| RuleId(*rule) == self.rule && *node == self.name());
        known.map(|(_, _, why)| *why)
    }
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

/// Returns the number of trees of a package with every finding above a note, or `None` without the package.
fn found(kernel: &str, suffix: &str) -> Option<(usize, Vec<Found>)> {
    let mut dir = std::env::var_os("RINGFENCE_CORPUS")?;
    dir.push(suffix);
    let dir = PathBuf::from(dir);
    if !dir.is_dir() {
        return None;
    }
    let mut paths = Vec::new();
    collect(&dir, &mut paths);
    paths.sort();
    let profile = KernelProfile::for_version(kernel).unwrap().profile;
    let facts = BootFacts { predictor: Some(Predictor::MODEL), ..BootFacts::default() };
    let mut all = Vec::new();
    for path in &paths {
        let bytes = std::fs::read(path).unwrap();
        let context = Context { policy: None, profile, facts: &facts };
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

#[test]
fn every_error_in_mainline_is_a_defect_and_every_defect_is_found() {
    let mut packages = Vec::new();
    for (kernel, suffix, trees) in PACKAGES {
        match found(kernel, suffix) {
            Some((count, found)) if count == trees => packages.push((kernel, found)),
            Some((count, found)) => println!(
                "surveyed {count} trees of {kernel}: {} findings; the expectations are about {trees} others",
                found.len()
            ),
            None => println!("skipped: there are no trees of {kernel} beside what RINGFENCE_CORPUS names"),
        }
    }
    for (kernel, found) in &packages {
        let errors = found.iter().filter(|found| found.severity == Severity::Error);
        let others: Vec<_> = errors
            .filter(|found| found.defect().is_none())
            .map(|found| format!("{} {} {}: {}", found.rule, found.board, found.node, found.message))
            .collect();
        assert!(others.is_empty(), "errors of {kernel} on boards that have none: {others:#?}");
        let unexplained: Vec<_> = found.iter().filter(|found| found.rule == RuleId(606)).collect();
        assert!(unexplained.is_empty(), "{kernel}: {}", unexplained.len());
    }
    if packages.len() < PACKAGES.len() {
        return;
    }
    let all: Vec<Found> = packages.iter().flat_map(|(_, found)| found.clone()).collect();
    for (rule, node, why) in DEFECTS {
        let is_found = |found: &Found| found.severity == Severity::Error && found.defect() == Some(why);
        let is_it = |found: &Found| found.rule == RuleId(*rule) && found.name() == *node && is_found(found);
        assert!(all.iter().any(is_it), "RF{rule} {node} is found no more");
    }
    let page = page(&packages);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/findings.md");
    if std::env::var_os("RINGFENCE_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), page, "docs/findings.md is out of date");
}

/// Returns the page: a table of the rules, then every error with the reason and its boards.
fn page(packages: &[(&str, Vec<Found>)]) -> String {
    let mut out = String::from(
        "# Findings in mainline device trees\n\n\
         These are the findings in the device trees of Debian's arm64 kernels, 296 of Linux 5.10, 576 of\n\
         6.1, 1,023 of 6.12 and 1,712 of 7.3, each checked for its own kernel with 4 KiB pages, without a\n\
         policy and without a boot loader's changes. An error is memory that is unprotected, lost or\n\
         used twice; each\n\
         is listed below with the reason why it is a defect.\n\n\
         `RINGFENCE_CORPUS=DIR RINGFENCE_BLESS=1 cargo test --test mainline` writes this page, and fails\n\
         on any error that is not known.\n\n",
    );
    let kernels: Vec<&str> = packages.iter().map(|(kernel, _)| *kernel).collect();
    writeln!(out, "| rule | severity | {} | problem |", kernels.join(" | ")).unwrap();
    writeln!(out, "|---|---|{}---|", "---|".repeat(kernels.len())).unwrap();
    let rules: BTreeSet<(RuleId, std::cmp::Reverse<Severity>)> = packages
        .iter()
        .flat_map(|(_, found)| found.iter().map(|found| (found.rule, std::cmp::Reverse(found.severity))))
        .collect();
    for (rule, severity) in rules {
        let severity = severity.0;
        let counts = packages.iter().map(|(_, found)| {
            found.iter().filter(|found| found.rule == rule && found.severity == severity).count().to_string()
        });
        let counts = counts.collect::<Vec<_>>().join(" | ");
        let title = rules::doc(rule).map_or("", |doc| doc.title);
        writeln!(out, "| {rule} | {severity} | {counts} | {title} |").unwrap();
    }
    out += "\n## Errors\n";
    // The kernels of each board, by the sentence, by the node and its reason, by the rule.
    type Boards<'f> = BTreeMap<&'f str, Vec<&'f str>>;
    type Sentences<'f> = BTreeMap<&'f str, Boards<'f>>;
    let mut errors: BTreeMap<RuleId, BTreeMap<(&str, &str), Sentences<'_>>> = BTreeMap::new();
    for (kernel, found) in packages {
        for found in found.iter().filter(|found| found.severity == Severity::Error) {
            let node = (found.name(), found.defect().unwrap_or_default());
            let boards = errors.entry(found.rule).or_default().entry(node).or_default();
            boards.entry(&found.message).or_default().entry(&found.board).or_default().push(kernel);
        }
    }
    for (rule, nodes) in &errors {
        writeln!(out, "\n### {rule}").unwrap();
        for ((node, why), sentences) in nodes {
            writeln!(out, "\n`{node}`: {why}.\n").unwrap();
            for (message, boards) in sentences {
                writeln!(out, "- {message}").unwrap();
                for (board, kernels) in boards {
                    writeln!(out, "  - {board} ({})", kernels.join(", ")).unwrap();
                }
            }
        }
    }
    out
}
