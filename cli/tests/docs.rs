//! The rules' chapter is what the rules say of themselves.

use std::path::Path;
use std::process::Command;

#[test]
fn the_rules_chapter_is_up_to_date() {
    let output = Command::new(env!("CARGO_BIN_EXE_ringfence"))
        .args(["rules", "--format", "markdown"])
        .output()
        .unwrap();
    let wanted = String::from_utf8(output.stdout).unwrap();
    let chapter = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rules.md");
    let found = std::fs::read_to_string(&chapter).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/rules.md is not what the rules say: run `cargo run -p ringfence-cli -- rules --format markdown \
         > docs/rules.md`"
    );
}

#[test]
fn the_policy_in_the_reference_is_one() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/policy.md");
    let text = std::fs::read_to_string(page).unwrap();
    let examples: Vec<&str> =
        text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!examples.is_empty());
    for example in examples {
        let policy = ringfence_cli::project::policy_file::parse("docs/policy.md", example)
            .unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((policy.requirements.len(), policy.cma.is_some()), (3, true));
    }
    for switch in ringfence::policy::Allow::SWITCHES {
        assert!(text.contains(&format!("- `{}`: ", switch.name)), "{} is not described", switch.name);
    }
}
