//! Every rule's own examples: the bad one is caught by that rule, the good one by no error and not by that rule.

use std::path::Path;
use std::process::Command;

use ringfence::facts::BootFacts;
use ringfence::fdt::Tree;
use ringfence::finding::{Finding, Severity};
use ringfence::policy::Policy;
use ringfence::profile::KernelProfile;
use ringfence::rules::{self, Doc, Scene};
use ringfence::survey::MemoryMap;
use ringfence_cli::policy_file;

/// Compile a source with dtc, which also must accept what is wrong on purpose.
fn compile(name: &str, source: &str) -> Vec<u8> {
    let dts = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.dts"));
    std::fs::write(&dts, format!("/dts-v1/;\n{source}\n")).unwrap();
    let output = Command::new("dtc")
        .args(["-q", "-q", "-f", "-@", "-I", "dts", "-O", "dtb"])
        .arg(&dts)
        .output()
        .unwrap();
    assert!(!output.stdout.is_empty(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn judge(doc: &Doc, kind: &str, source: &str) -> Vec<Finding> {
    let dtb = compile(&format!("{}-{kind}", doc.id), source);
    let policy: Option<Policy> = (!doc.policy.is_empty()).then(|| {
        policy_file::parse("example", doc.policy).unwrap_or_else(|fault| panic!("{}: {fault:?}", doc.id))
    });
    let tree = Tree::parse(&dtb).unwrap();
    let facts = BootFacts::default();
    let map = MemoryMap::survey(&tree, &facts);
    let profile = KernelProfile::default();
    rules::judge(&Scene::new(&tree, &map, &facts, policy.as_ref(), &profile))
}

fn have_dtc() -> bool {
    let have = Command::new("dtc").arg("--version").output().is_ok();
    if !have {
        println!("skipped: no dtc in PATH (Debian: apt-get install device-tree-compiler)");
    }
    have
}

#[test]
fn a_rule_catches_its_bad_example() {
    if !have_dtc() {
        return;
    }
    for doc in rules::DOCS.iter().filter(|doc| !doc.bad.is_empty()) {
        let found = judge(doc, "bad", doc.bad);
        assert!(found.iter().any(|f| f.rule == doc.id), "{}: {found:#?}", doc.id);
        let worst = found.iter().filter(|f| f.rule == doc.id).map(|f| f.severity).max();
        assert!(worst <= Some(doc.severity), "{} reports worse than it documents", doc.id);
    }
}

#[test]
fn a_rule_is_content_with_its_good_example() {
    if !have_dtc() {
        return;
    }
    for doc in rules::DOCS {
        let found = judge(doc, "good", doc.good);
        assert!(
            !found.iter().any(|f| f.rule == doc.id && f.severity > Severity::Note),
            "{}: {found:#?}",
            doc.id
        );
        assert!(!found.iter().any(|f| f.severity == Severity::Error), "{}: {found:#?}", doc.id);
    }
}

#[test]
fn only_an_example_too_long_to_print_is_left_out() {
    let left_out: Vec<String> =
        rules::DOCS.iter().filter(|doc| doc.bad.is_empty()).map(|doc| doc.id.to_string()).collect();
    assert_eq!(left_out, ["RF503"], "the bootargs of RF503 are longer than a page");
}

#[test]
fn the_catalogue_is_in_the_order_of_its_numbers_and_says_why() {
    assert!(rules::DOCS.is_sorted_by(|a, b| a.id < b.id));
    for doc in rules::DOCS {
        assert!(!doc.title.is_empty() && !doc.why.is_empty() && !doc.good.is_empty(), "{}", doc.id);
    }
}
