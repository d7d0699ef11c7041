//! What machines read: every format conforms to its schema or its grammar, and is the same however it was
//! made.

mod tools;
mod workdir;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use tools::have_dtc;
use workdir::WorkDir;

const OVERLAP: &str = r#"/dts-v1/;
/ {
	#address-cells = <2>;
	#size-cells = <2>;
	memory@40000000 { device_type = "memory"; reg = <0x0 0x40000000 0x1 0x0>; };
	reserved-memory {
		#address-cells = <2>;
		#size-cells = <2>;
		camera@84300000 {
			reg = <0x0 0x84300000
			       0x0 0x700000>;
			no-map;
		};
		modem@84800000 { reg = <0x0 0x84800000 0x0 0x1900000>; no-map; };
	};
};
"#;

/// Returns a project with one board that has two errors, one of them suppressed.
fn project() -> WorkDir {
    let project = WorkDir::new();
    project.put("board.dts", OVERLAP);
    project.put(
        "ringfence.toml",
        "[[suppress]]\nrule = \"RF201\"\nnode = \"/reserved-memory/*\"\nreason = \"both are the modem's\"\n",
    );
    project
}

fn run_with(project: &WorkDir, threads: &str, args: &[&str]) -> Output {
    project.command(args).env("RAYON_NUM_THREADS", threads).output().unwrap()
}

fn stdout(project: &WorkDir, args: &[&str]) -> String {
    let output = project.run(args);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(project: &WorkDir, args: &[&str]) -> Value {
    serde_json::from_str(&stdout(project, args)).unwrap()
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[track_caller]
fn conforms(schema: &str, document: &Value) {
    let text = fs::read_to_string(here(schema)).unwrap();
    // SARIF's own pattern for languages has a bracket too many, which strict readers refuse.
    let schema: Value = serde_json::from_str(&text.replace("{2}]?$", "{2}$")).unwrap();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn sarif_conforms_and_keeps_what_is_suppressed() {
    if !have_dtc() {
        return;
    }
    let project = project();
    let args = ["check", "--format", "sarif", "--kernel", "6.1", "--kernel", "6.12:64k", "board.dts"];
    let document = json(&project, &args);
    conforms("tests/schema/sarif-2.1.0.json", &document);

    let run = &document["runs"][0];
    let result = |rule: &str| {
        let results = run["results"].as_array().unwrap();
        results.iter().find(|result| result["ruleId"] == rule).unwrap_or_else(|| panic!("no {rule}"))
    };
    let missing = result("RF102");
    assert_eq!(missing["suppressions"], serde_json::json!([]));
    let region = &missing["locations"][0]["physicalLocation"]["region"];
    assert_eq!((&region["startLine"], &region["startColumn"]), (&6.into(), &2.into()));
    let name = &missing["locations"][0]["logicalLocations"][0]["fullyQualifiedName"];
    assert_eq!(name, "/reserved-memory");

    let index = missing["ruleIndex"].as_u64().unwrap() as usize;
    let rule = &run["tool"]["driver"]["rules"][index];
    assert_eq!(rule["id"], "RF102");
    assert!(rule["help"]["markdown"].as_str().unwrap().contains("```dts"), "{rule:#}");

    let overlap = result("RF201");
    assert_eq!(overlap["suppressions"][0]["justification"], "both are the modem's");
    let region = &overlap["locations"][0]["physicalLocation"]["region"];
    assert_eq!((&region["startLine"], &region["endLine"]), (&10.into(), &11.into()));
}

#[test]
fn the_fix_that_sarif_proposes_makes_the_source_right() {
    if !have_dtc() {
        return;
    }
    let project = project();
    let document = json(&project, &["check", "--format", "sarif", "board.dts"]);
    let results = document["runs"][0]["results"].as_array().unwrap().clone();
    let fixed = results.iter().find(|result| result["ruleId"] == "RF102").unwrap();
    let change = &fixed["fixes"][0]["artifactChanges"][0];
    assert_eq!(change["artifactLocation"]["uri"], "board.dts");
    let replacement = &change["replacements"][0];
    let region = &replacement["deletedRegion"];
    let number = |key: &str| region[key].as_u64().unwrap() as usize;
    assert_eq!((number("startLine"), number("startColumn")), (number("endLine"), number("endColumn")));
    let mut lines: Vec<String> = OVERLAP.lines().map(ToString::to_string).collect();
    lines[number("startLine") - 1]
        .insert_str(number("startColumn") - 1, replacement["insertedContent"]["text"].as_str().unwrap());
    project.put("board.dts", lines.join("\n"));
    assert_eq!(stdout(&project, &["check", "board.dts"]), "clean: 1 input (1 suppressed)\n");
}

#[test]
fn json_conforms_with_everything_that_it_can_hold() {
    if !have_dtc() {
        return;
    }
    let project = project();
    let checked =
        json(&project, &["check", "--format", "json", "--kernel", "6.1", "--kernel", "6.6:64k", "board.dts"]);
    conforms("../docs/schema/report.schema.json", &checked);
    assert_eq!(checked["summary"]["suppressed"], 1);
    let findings = checked["inputs"][0]["findings"].as_array().unwrap();
    assert!(findings.iter().all(|finding| finding["location"]["file"] == "board.dts"), "{findings:#?}");

    let fixed = json(&project, &["fix", "--unsafe", "--format", "json", "board.dts", "-o", "out.dts"]);
    conforms("../docs/schema/report.schema.json", &fixed);
    assert!(!fixed["inputs"][0]["repairs"].as_array().unwrap().is_empty());
}

#[test]
fn junit_says_what_failed_and_what_was_skipped() {
    if !have_dtc() {
        return;
    }
    let project = project();
    project.put(
        "good.dts",
        OVERLAP.replace("0x700000", "0x500000").replace("camera@84300000 {", "ranges; camera@84300000 {"),
    );
    let text = stdout(&project, &["check", "--format", "junit", "board.dts", "good.dts"]);
    let report = quick_junit::Report::deserialize_from_str(&text).unwrap();
    assert_eq!(report.test_suites.len(), 2, "{text}");
    let suite = &report.test_suites[0];
    assert_eq!((suite.tests, suite.failures), (2, 1), "{text}");
    assert!(
        text.contains("<skipped message=\"both are the modem&apos;s\"")
            || text.contains("<skipped message=\"both are the modem"),
        "{text}"
    );
    assert!(text.contains("board.dts:6: RF102 error /reserved-memory"), "{text}");
    assert_eq!((report.test_suites[1].tests, report.test_suites[1].failures), (1, 0), "{text}");
}

#[test]
fn github_is_told_file_and_line() {
    if !have_dtc() {
        return;
    }
    let project = project();
    let text = stdout(&project, &["check", "--format", "github", "board.dts"]);
    assert!(text.starts_with("::error file=board.dts,line=6,endLine=6,col=2,title=RF102 "), "{text}");
    assert!(!text.contains("RF201"), "what is suppressed is not annotated: {text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn statistics_count_by_rule_and_keep_documents_whole() {
    if !have_dtc() {
        return;
    }
    let project = project();
    let text = stdout(&project, &["check", "--statistics", "--no-config", "board.dts", "board.dts"]);
    let table = "findings   inputs rule\n\
                 \x20      2        2 RF102 /reserved-memory has no ranges property\n\
                 \x20      2        2 RF201 two reserved regions overlap\n";
    assert!(text.ends_with(table), "{text}");
    let output = project.run(&["check", "--statistics", "--format", "json", "board.dts"]);
    let _: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("RF102"));
}

#[test]
fn every_format_is_the_same_bytes_whatever_the_threads() {
    if !have_dtc() {
        return;
    }
    let project = project();
    project.put("ringfence.toml", "");
    fs::create_dir(project.path("trees")).unwrap();
    for number in 0..40 {
        let size = format!("0x{:x}00000", 4 + number % 30);
        let out = format!("trees/board{number:02}.dtb");
        project.put("one.dts", OVERLAP.replace("0x700000", &size));
        assert!(
            Command::new("dtc")
                .args(["-q", "-O", "dtb", "-o", &out, "one.dts"])
                .current_dir(project.dir())
                .status()
                .unwrap()
                .success()
        );
    }
    for format in ["human", "concise", "json", "sarif", "junit", "github", "gitlab"] {
        let args = ["check", "--format", format, "--statistics", "trees", "board.dts"];
        let once = run_with(&project, "1", &args);
        assert!(once.stdout.len() > 1000, "{format}");
        if format == "human" {
            // So many findings that they are told in lines, with the same table.
            let text = String::from_utf8_lossy(&once.stdout);
            assert!(text.contains("-v shows every finding") && text.matches("inputs rule").count() == 1);
        }
        for threads in ["1", "2", "8"] {
            let again = run_with(&project, threads, &args);
            assert_eq!(again.stdout, once.stdout, "{format} with {threads} threads");
            assert_eq!(again.stderr, once.stderr, "{format} with {threads} threads");
        }
    }
}
