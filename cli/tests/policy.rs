//! Policies: the schema for editors, every mistake at once, and what is meant where nothing answers.

mod workdir;

use std::path::Path;
use std::process::Command;

use ringfence::policy::Allow;
use serde_json::Value;
use workdir::WorkDir;

const BOARD: &str = "/dts-v1/;\n/ {\n\t#address-cells = <2>;\n\t#size-cells = <2>;\n\treserved-memory {\n\
                     \t\t#address-cells = <2>;\n\t\t#size-cells = <2>;\n\t\tranges;\n\
                     \t\tmodem_mem: modem@84300000 {\n\t\t\treg = <0x0 0x84300000 0x0 0x500000>;\n\
                     \t\t\tno-map;\n\t\t};\n\t};\n};\n";

/// Writes a tree with labels, and one without, as nearly every board has it.
fn dir() -> WorkDir {
    let dir = WorkDir::new();
    dir.put("board.dts", BOARD);
    let compiled = Command::new("dtc").args(["-q", "-O", "dtb", "board.dts"]).current_dir(dir.dir()).output();
    dir.put("board.dtb", compiled.unwrap().stdout);
    dir
}

const CHECK: &[&str] = &["check", "--no-config", "--policy", "p.toml"];

#[test]
fn the_schema_for_editors_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema/policy.schema.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let keys = |table: &str| -> Vec<String> {
        schema.pointer(&format!("{table}/properties")).unwrap().as_object().unwrap().keys().cloned().collect()
    };
    let tables = [
        "",
        "/definitions/carveout",
        "/definitions/protected",
        "/definitions/cma",
        "/definitions/log",
        "/definitions/console",
        "/definitions/sentinel",
        "/definitions/tree",
    ];
    for (table, (name, known)) in tables.iter().zip(ringfence_cli::project::policy_file::KEYS) {
        let mut known = known.to_vec();
        known.sort_unstable();
        assert_eq!(keys(table), known, "{name}");
    }
    let mut switches: Vec<&str> = Allow::SWITCHES.iter().map(|switch| switch.name).collect();
    switches.sort_unstable();
    assert_eq!(keys("/definitions/allow"), switches);
    let schema = jsonschema::draft7::new(&schema).unwrap();
    let json = |text: &str| serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap();
    let manual =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/policy.md")).unwrap();
    let example = manual.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(schema.is_valid(&json(example)), "{example}");
    for wrong in [
        "mode = \"repair\"",
        "[[carveout]]\nnode = \"/a\"\nlabel = \"a\"\nsize = 1",
        "[[carveout]]\nnode = \"/a\"",
        "[[carveout]]\nnode = \"///\"\nsize = 1",
        "kernel = \"6\"",
        "guard = \"4 MB\"",
        "[cma]\nsize = 1\nrange = [1]",
        "[allow]\nshfit = true",
    ] {
        assert!(!schema.is_valid(&json(wrong)), "{wrong}");
    }
}

#[test]
fn every_mistake_has_its_line() {
    let dir = dir();
    dir.put(
        "p.toml",
        "mode = \"repair\"\nguard = \"2 KiB\"\n[cma]\nsize = \"1 MB\"\n[allow]\nshfit = true\n",
    );
    let places = ["p.toml:1:8", "p.toml:2:9", "p.toml:4:8", "p.toml:6:1"];
    for command in [&["policy", "check", "p.toml"][..], &[CHECK, &["board.dtb"]].concat()] {
        dir.assert_output(command, 2, &places);
    }
}

#[test]
fn values_that_can_mean_nothing_are_refused_in_plain_words() {
    let dir = dir();
    let carveout = |node: &str| format!("[[carveout]]\nnode = \"{node}\"\nsize = \"1 MiB\"\n");
    for node in ["///", "/", "/a/", "/a//b", "a/b", "//a"] {
        dir.put("p.toml", carveout(node));
        dir.assert_output(&["policy", "check", "p.toml"], 2, &["not an absolute node path", "p.toml:2:8"]);
    }
    for kernel in ["6", "6.6.6.6", "6.", "seven", "4.4", "6..6"] {
        dir.put("p.toml", format!("kernel = \"{kernel}\"\n"));
        let words = ["`kernel` is not a version of Linux that is known, such as 6.6", "p.toml:1:10"];
        dir.assert_output(&["policy", "check", "p.toml"], 2, &words);
    }
    for board in ["", "acme board", "caf\u{e9}", "a\\nb"] {
        dir.put("p.toml", format!("board = \"{board}\"\n"));
        let text = dir.assert_output(&["policy", "check", "p.toml"], 2, &["policy: `board` must be a root"]);
        assert!(!text.contains("policy: policy:"), "{text}");
    }
    let good = "board = \"acme,board\"\nkernel = \"6.6.36.3-microsoft-standard\"\n";
    dir.put("p.toml", format!("{good}{}", carveout("/reserved-memory/a@1,0")));
    dir.assert_output(&["policy", "check", "p.toml"], 0, &["1 carveout"]);
}

#[test]
fn a_label_needs_a_tree_that_has_labels() {
    let dir = dir();
    let labelled = "[allow]\nrestore = true\n[[carveout]]\nlabel = \"modem_mem\"\nsize = \"5 MiB\"\n";
    dir.put("p.toml", labelled);
    dir.assert_output(&[CHECK, &["board.dts"]].concat(), 0, &[]);
    let out = dir.assert_output(
        &[CHECK, &["board.dtb"]].concat(),
        1,
        &[
            "error[RF412]",
            "the policy requires &modem_mem, and the tree has no labels",
            "compile the tree with `dtc -@`",
        ],
    );
    assert!(!out.contains("RF401"), "{out}");
    let fix = ["fix", "--no-config", "--policy", "p.toml", "board.dtb", "-o", "fixed.dtb"];
    dir.assert_output(&fix, 3, &["RF412"]);
    assert!(!dir.path("fixed.dtb").exists());
    // The region that is where it must be is the one.
    dir.put("p.toml", format!("{labelled}base = 0x84300000\n"));
    dir.assert_output(&[CHECK, &["board.dtb"]].concat(), 0, &[]);
    dir.put("p.toml", format!("{labelled}base = 0x84300000\n").replace("5 MiB", "6 MiB"));
    dir.assert_output(
        &[CHECK, &["board.dtb"]].concat(),
        1,
        &["did you mean node = \"/reserved-memory/modem@84300000\"?"],
    );
}

#[test]
fn what_nothing_answers_to_may_be_meant_otherwise() {
    let dir = dir();
    for (node, base) in
        [("modme@84300000", None), ("mpss@1", Some("0x84300000")), ("modem@85000000", Some("0x85000000"))]
    {
        let base = base.map_or(String::new(), |base| format!("base = {base}\n"));
        dir.put(
            "p.toml",
            format!("[[carveout]]\nnode = \"/reserved-memory/{node}\"\n{base}size = \"5 MiB\"\n"),
        );
        let meant = "did you mean /reserved-memory/modem@84300000?";
        dir.assert_output(&[CHECK, &["board.dtb"]].concat(), 1, &["error[RF401]", meant]);
    }
    dir.put("p.toml", "[[carveout]]\nnode = \"/reserved-memory/npu@1\"\nsize = \"5 MiB\"\n");
    let out = dir.assert_output(&[CHECK, &["board.dtb"]].concat(), 1, &["error[RF401]"]);
    assert!(!out.contains("did you mean"), "{out}");
}
