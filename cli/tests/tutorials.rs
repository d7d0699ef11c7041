//! Every command of the tutorials is run, and prints what stands there; every link of the documents leads somewhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Run a page in a directory with these scenario trees, by the names that the page has for them.
fn run(page: &str, trees: &[(&str, &str)]) {
    if Command::new("dtc").arg("-v").output().is_err() {
        println!("SKIPPED: dtc is missing (Debian: device-tree-compiler)");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let inputs = dir.path().join(format!("{page}.in"));
    fs::create_dir(&inputs).unwrap();
    let scenarios = root().join("qemu/scenarios");
    let board = fs::read_to_string(scenarios.join("virt-4g.dtsi")).unwrap();
    fs::write(inputs.join("virt-4g.dtsi"), board.replace("../boards/", "")).unwrap();
    fs::copy(root().join("qemu/boards/virt.dtsi"), inputs.join("virt.dtsi")).unwrap();
    for (name, scenario) in trees {
        let source = fs::read_to_string(scenarios.join(scenario)).unwrap();
        fs::write(inputs.join(name), source.replace("../virt-4g.dtsi", "virt-4g.dtsi")).unwrap();
    }
    fs::write(inputs.join("board.toml"), include_str!("tutorials/board.toml")).unwrap();
    let original = root().join("docs").join(format!("{page}.md"));
    let copy = dir.path().join(format!("{page}.md"));
    fs::copy(&original, &copy).unwrap();
    {
        trycmd::TestCases::new().case(&copy);
    }
    if std::env::var("TRYCMD").is_ok_and(|word| word == "overwrite") {
        fs::copy(&copy, &original).unwrap();
    }
}

#[test]
fn the_qualcomm_tutorial_shows_what_the_tool_prints() {
    run(
        "tutorial-qualcomm",
        &[("board.dts", "good/q05-qcom-full.dts"), ("grown.dts", "broken/b01-overlap.dts")],
    );
}

#[test]
fn the_xilinx_tutorial_shows_what_the_tool_prints() {
    run(
        "tutorial-xilinx",
        &[("buffer.dts", "good/x01-xlnx-nomap.dts"), ("default.dts", "good/x03-xlnx-cma-default.dts")],
    );
}

#[test]
fn the_policy_of_the_tutorial_is_the_one_that_the_page_shows() {
    let page = fs::read_to_string(root().join("docs/tutorial-qualcomm.md")).unwrap();
    assert!(page.contains(include_str!("tutorials/board.toml")));
}

#[test]
fn every_page_is_in_the_summary_and_every_link_leads_somewhere() {
    let docs = root().join("docs");
    let summary = fs::read_to_string(docs.join("SUMMARY.md")).unwrap();
    let mut pages = vec![root().join("README.md"), root().join("CHANGELOG.md")];
    for entry in fs::read_dir(&docs).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            assert!(
                name == "SUMMARY.md" || summary.contains(&format!("({name})")),
                "{name} is not in SUMMARY.md"
            );
            pages.push(path);
        }
    }
    let mut links = 0;
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap();
            if file.is_empty() || target.contains("://") || target.contains(char::is_whitespace) {
                continue;
            }
            assert!(page.parent().unwrap().join(file).exists(), "{}: {target} leads nowhere", page.display());
            links += 1;
        }
    }
    assert!(links > 20, "only {links} links were found");
}
