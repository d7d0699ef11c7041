//! What a finding points at: its node, its property and its labels, in every rule's own example, and never
//! its words.

mod tools;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use ringfence::context::Context;
use ringfence::efi;
use ringfence::facts::{BootFacts, EfiFacts};
use ringfence::fdt::Tree;
use ringfence::finding::{Finding, Severity};
use ringfence::merge::{Loader, merge};
use ringfence::pipeline::Surveyed;
use ringfence::policy::Policy;
use ringfence::predict::Predictor;
use ringfence::profile::KernelProfile;
use ringfence::rules::{DOCS, Doc};
use ringfence_cli::input::{self, Input};
use ringfence_cli::project::baseline::{self, Baseline};
use ringfence_cli::project::policy_file;
use ringfence_cli::report::formats::{Format, Results, Verbosity};
use ringfence_cli::report::{self, Diagnostic, Report};

use tools::have_dtc;

/// One bad example with what every rule finds in it.
struct Example {
    doc: &'static Doc,
    input: Input,
    findings: Vec<Finding>,
}

impl Example {
    fn of(doc: &'static Doc) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("subject-{}.dts", doc.id));
        std::fs::write(&path, doc.bad).unwrap();
        let input = input::load_one(&path, &input::Options::default()).unwrap();
        let policy: Option<Policy> =
            (!doc.policy.is_empty()).then(|| policy_file::parse("example", doc.policy).unwrap());
        let map = (!doc.efi_map.is_empty()).then(|| efi::parse(doc.efi_map).unwrap().0);
        let tree = Tree::parse(&input.dtb).unwrap();
        let efi = map.map(|map| EfiFacts { map, ..EfiFacts::default() });
        let predictor = Some(Predictor::MODEL);
        let mut facts = BootFacts { efi, predictor, ..BootFacts::default() };
        if !doc.loader.is_empty() {
            let path = path.with_extension("loader.dts");
            std::fs::write(&path, doc.loader).unwrap();
            let loader = input::read(&path).unwrap();
            let loader = Loader { tree: &Tree::parse(&loader).unwrap(), dtb: None, bundle: None };
            let merged = merge(&tree, &loader, policy.as_ref(), &facts).unwrap();
            assert!(merged.dtb.is_none(), "{}: the example is the tree that is judged", doc.id);
            facts.loader = Some(merged.facts);
        }
        let profile = match doc.kernel {
            "" => KernelProfile::default(),
            version => *KernelProfile::for_version(version).unwrap().profile,
        };
        let context = Context { policy: policy.as_ref(), profile: &profile, facts: &facts };
        let findings = Surveyed::of(tree, context).judge().findings().to_vec();
        Self { doc, input, findings }
    }

    fn show(&self, findings: &[Finding]) -> Vec<Diagnostic> {
        report::show(&Tree::parse(&self.input.dtb).unwrap(), findings, self.input.positions.as_ref())
    }

    fn report(&self, findings: &[Finding]) -> Report {
        Report {
            path: self.input.name.clone(),
            file: self.input.name.clone(),
            findings: self.show(findings),
            positions: self.input.positions.clone(),
            ..Report::default()
        }
    }
}

/// Load options are in no source: what a rule says of them has no place there.
fn examples() -> impl Iterator<Item = Example> {
    DOCS.iter().filter(|doc| !doc.bad.is_empty() && doc.load_options.is_empty()).map(Example::of)
}

/// A bad example marks the line that is wrong with the number of its rule.
#[test]
fn a_caret_is_where_the_example_of_the_rule_marks_it() {
    if !have_dtc() {
        return;
    }
    for example in examples() {
        let id = example.doc.id;
        let mark = format!("/* {id} */");
        let lines: Vec<&str> = example.doc.bad.lines().collect();
        let marked: Vec<usize> = (1..=lines.len()).filter(|at| lines[at - 1].contains(&mark)).collect();
        assert!(!marked.is_empty(), "{id}: its example does not mark what is wrong");
        let mut pointed = Vec::new();
        for shown in example.show(&example.findings).iter().filter(|shown| shown.finding.rule == id) {
            let finding = &shown.finding;
            let place = &shown.place.as_ref().unwrap_or_else(|| panic!("{id} is nowhere: {finding}")).place;
            let at = place.line as usize;
            let text = &lines[at - 1][place.column as usize - 1..];
            let words: Vec<&str> = text.split([' ', ';', '{']).filter(|word| !word.is_empty()).collect();
            let tree = Tree::parse(&example.input.dtb).unwrap();
            let node = tree.find(&finding.node);
            match finding.property.as_deref() {
                Some(property) if node.is_some_and(|node| node.has_prop(property)) => {
                    assert_eq!(words[0], property, "{id}: {finding}");
                }
                // A node that is missing is shown by its parent.
                _ => assert!(text.contains('{') || words[0] == "/memreserve/", "{id}: {text}"),
            }
            pointed.push(at);
        }
        pointed.sort_unstable();
        pointed.dedup();
        assert_eq!(pointed, marked, "{id}");
    }
}

#[test]
fn an_excerpt_underlines_the_property_at_fault() {
    if !have_dtc() {
        return;
    }
    for example in examples() {
        for shown in example.show(&example.findings) {
            let (Some(excerpt), Some(property)) = (&shown.excerpt, &shown.finding.property) else { continue };
            let marked = &excerpt.text[excerpt.mark.clone()];
            let has = excerpt.text.lines().any(|line| line.trim().split([' ', ';']).next() == Some(property));
            let first = marked.split([' ', ';']).next().unwrap();
            assert_eq!(first == property, has, "{}: {}\n{marked}", shown.finding, excerpt.text);
        }
    }
}

/// Words that occur nowhere else.
const PLAIN: &str = "QQQQ";
/// Words that name properties, which no output may look for.
const WORDS: &str = "`reg` `status` `no-map` bootargs reserved";

/// Every sentence may be improved without moving a caret or breaking a baseline.
#[test]
fn no_output_depends_on_the_words_of_a_finding() {
    if !have_dtc() {
        return;
    }
    let worded = |findings: &[Finding], words: &str| -> Vec<Finding> {
        let worded = |finding: &Finding| {
            let mut finding =
                Finding { message: words.into(), help: words.to_string().into(), ..finding.clone() };
            if let Some(repair) = &mut finding.repair {
                repair.description = words.into();
            }
            finding
        };
        findings.iter().map(worded).collect()
    };
    let home = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for example in examples() {
        let id = example.doc.id;
        let plain = example.report(&worded(&example.findings, PLAIN));
        let misleading = example.report(&worded(&example.findings, WORDS));
        for format in Format::value_variants() {
            let render = |report: &Report| {
                format.render(&Results {
                    reports: std::slice::from_ref(report),
                    limit: Some(Severity::Error),
                    verbosity: Verbosity::Verbose,
                    statistics_follow: false,
                })
            };
            assert_eq!(render(&plain).replace(PLAIN, WORDS), render(&misleading), "{id}");
        }
        let known = home.join(format!("known-{id}.json"));
        baseline::write(&known, &[plain]).unwrap();
        let known = Baseline::load(&known).unwrap();
        let is_known = |shown: &Diagnostic| known.knows(&example.input.name, &shown.finding);
        assert!(misleading.findings.iter().all(is_known), "{id}");
    }
}
