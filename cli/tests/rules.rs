//! Every rule's own examples: the bad one is caught by that rule, the good one by no error and not by that
//! rule.

mod tools;

use std::path::Path;
use std::process::Command;

use ringfence::efi;
use ringfence::facts::{BootFacts, EfiFacts};
use ringfence::fdt::Tree;
use ringfence::finding::{Finding, Severity};
use ringfence::merge::{Loader, merge};
use ringfence::pipeline::{self, Context};
use ringfence::policy::Policy;
use ringfence::predict::Predictor;
use ringfence::profile::KernelProfile;
use ringfence::rules::{self, Doc};
use ringfence_cli::project::policy_file;

use tools::have_dtc;

/// Compiles a source with dtc, which also must accept what is wrong on purpose.
fn compile(name: &str, source: &str) -> Vec<u8> {
    let dts = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.dts"));
    std::fs::write(&dts, source).unwrap();
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
    let map = (!doc.efi_map.is_empty()).then(|| efi::parse(doc.efi_map).unwrap().0);
    let (dtb, replaced) = match doc.load_options {
        "" => (dtb, None),
        line => efi::take_load_options(&Tree::parse(&dtb).unwrap(), line.as_bytes()).unwrap(),
    };
    let efi = map.map(|map| EfiFacts { map, replaced, ..EfiFacts::default() });
    let predictor = Some(Predictor::MODEL);
    let mut facts = BootFacts { efi, predictor, ..BootFacts::default() };
    let dtb = match doc.loader {
        "" => dtb,
        loader => {
            let loader = compile(&format!("{}-loader", doc.id), loader);
            let loader = Loader { tree: &Tree::parse(&loader).unwrap(), dtb: None, bundle: None };
            let merged = merge(&Tree::parse(&dtb).unwrap(), &loader, policy.as_ref(), &facts).unwrap();
            facts.loader = Some(merged.facts);
            merged.dtb.unwrap_or(dtb)
        }
    };
    let profile = match doc.kernel {
        "" => KernelProfile::default(),
        version => *KernelProfile::for_version(version).unwrap().profile,
    };
    let context = Context { policy: policy.as_ref(), profile: &profile, facts: &facts };
    pipeline::survey(&dtb, context).unwrap().judge().findings().to_vec()
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

/// Examples that are too long to print in a rule's own text.
#[test]
fn what_is_too_long_for_an_example_is_caught_all_the_same() {
    // `tests/planner/boot.rs` and `firmware.rs` check what no tree alone can break.
    let left_out = rules::DOCS.iter().filter(|doc| doc.bad.is_empty() && ![217, 218].contains(&doc.id.0));
    let left_out: Vec<&Doc> = left_out.collect();
    let ids: Vec<String> = left_out.iter().map(|doc| doc.id.to_string()).collect();
    assert_eq!(ids, ["RF115", "RF116", "RF117", "RF503"]);
    if !have_dtc() {
        return;
    }
    let root = "#address-cells = <2>; #size-cells = <2>;";
    let regions: String = (0..65).map(|n| format!("r{n} {{ size = <0 0x1000>; }};")).collect();
    let many = format!("/ {{ {root} reserved-memory {{ {root} ranges; {regions} }}; }};");
    let long = format!("/ {{ {root} chosen {{ bootargs = \"{}\"; }}; }};", "quiet ".repeat(400));
    let vast = format!("/ {{ {root} data = \"{}\"; }};", "x".repeat(3 << 20));
    let apart: String = (0x400..0x440)
        .map(|n| format!("r@{n:x}00000 {{ reg = <0 0x{n:x}00000 0 0x1000>; no-map; }};"))
        .collect();
    let apart = format!("/ {{ {root} reserved-memory {{ {root} ranges; {apart} }}; }};");
    for (doc, source) in left_out.into_iter().zip([many, vast, apart, long]) {
        let found = judge(doc, "bad", &format!("/dts-v1/;\n{source}\n"));
        assert!(found.iter().any(|f| f.rule == doc.id), "{}: {found:#?}", doc.id);
    }
}

/// A board boots with a long command line, but for what it says about memory.
#[test]
fn a_long_command_line_is_an_error_where_an_argument_about_memory_is_lost() {
    if !have_dtc() {
        return;
    }
    let doc = rules::DOCS.iter().find(|doc| doc.id.0 == 503).unwrap();
    // 2041 bytes without the last argument.
    let filler = format!("cma=1M {}", "a=b ".repeat(508)) + "x=";
    let severity = |last: &str| {
        let line = format!("{filler}{last}");
        let source = format!(
            "/dts-v1/; / {{ #address-cells = <2>; #size-cells = <2>; chosen {{ bootargs = \"{line}\"; }}; }};"
        );
        let found = judge(doc, "bad", &source);
        let found: Vec<_> = found.iter().filter(|f| f.rule == doc.id).collect();
        assert!(found.len() <= 1, "{found:#?}");
        found.first().map(|f| (f.severity, f.message.contains("and with it cma")))
    };
    assert_eq!(severity("123456"), None);
    assert_eq!(severity("1234567"), Some((Severity::Warning, false)));
    assert_eq!(severity(" cma=8M"), Some((Severity::Error, true)), "cut inside");
    assert_eq!(severity("1234567 mem=1G"), Some((Severity::Error, false)));
    assert_eq!(severity("1234567 x=cma"), Some((Severity::Warning, false)));
    assert_eq!(severity("1234567 -- cma=8M"), Some((Severity::Warning, false)), "read by init");
}

#[test]
fn the_catalogue_is_in_the_order_of_its_numbers_and_says_why() {
    assert!(rules::DOCS.is_sorted_by(|a, b| a.id < b.id));
    for doc in rules::DOCS {
        assert!(!doc.title.is_empty() && !doc.why.is_empty() && !doc.good.is_empty(), "{}", doc.id);
    }
}
