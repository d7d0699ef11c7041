//! `ringfence.toml` and baselines: what a project says once for all of its boards.

mod workdir;

use std::fs;
use std::path::Path;
use std::process::Command;

use ringfence::fdt::{NewNode, build};
use serde_json::Value;

use workdir::WorkDir;

/// Returns a tree of `compatible` with `ram` bytes of RAM whose camera overlaps the modem by 2 MiB.
fn board(compatible: &str, ram: u32) -> Vec<u8> {
    let region =
        |name, base, size| NewNode::new(name).prop_cells("reg", &[0, base, 0, size]).prop_empty("no-map");
    let reserved = NewNode::new("reserved-memory")
        .prop_u32("#address-cells", 2)
        .prop_u32("#size-cells", 2)
        .prop_empty("ranges")
        .child(region("camera@44300000", 0x4430_0000, 0x70_0000))
        .child(region("modem@44800000", 0x4480_0000, 0x190_0000));
    let memory = NewNode::new("memory@40000000")
        .prop_str("device_type", "memory")
        .prop_cells("reg", &[0, 0x4000_0000, 0, ram]);
    let root = NewNode::new("").prop_u32("#address-cells", 2).prop_u32("#size-cells", 2);
    let root = root.prop_str("compatible", compatible);
    build(&root.child(memory).child(reserved), 0, &[]).unwrap()
}

fn project() -> WorkDir {
    let project = WorkDir::new();
    project.put("boards/acme/one.dtb", board("acme,one", 0x4000_0000));
    project.put("boards/acme/two.dtb", board("acme,two", 0x8000_0000));
    project
}

const SUPPRESS: &str = "[[suppress]]\nrule = \"RF201\"\nnode = \"/reserved-memory/camera@*\"\nreason = \"one \
                        firmware owns both\"\n";

#[test]
fn the_nearest_configuration_upwards_holds() {
    let project = project();
    project.assert_output(&["check", "boards"], 1, &["2 errors in 2 inputs"]);
    project.put("ringfence.toml", SUPPRESS);
    project.assert_output(&["check", "boards"], 0, &["clean: 2 inputs (2 suppressed)"]);
    project.put("boards/ringfence.toml", "");
    project.assert_output(&["check", "boards"], 1, &["2 errors in 2 inputs"]);
    project.assert_output(&["check", "--config", "ringfence.toml", "boards"], 0, &["2 suppressed"]);
    project.assert_output(
        &["check", "--no-config", "--config", "ringfence.toml", "boards"],
        2,
        &["cannot be used with"],
    );
}

#[test]
fn a_suppression_holds_to_its_last_day_and_then_says_so() {
    let project = project();
    let one = |until: &str| format!("{SUPPRESS}match = \"one.dtb\"\nuntil = {until}\n");
    project.put("ringfence.toml", one("2027-01-01"));
    project.assert_output(
        &["check", "boards"],
        1,
        &["1 error in 2 inputs (1 suppressed)", "--> boards/acme/two.dtb"],
    );
    project.put("ringfence.toml", one("\"2026-12-31\""));
    project.assert_output(
        &["check", "boards"],
        1,
        &[
            "2 errors in 2 inputs",
            "warning: ringfence.toml: the suppression of RF201",
            "expired on 2026-12-31",
            "one firmware owns both",
        ],
    );
}

#[test]
fn severities_are_the_projects() {
    let project = project();
    project.put("ringfence.toml", "[severity]\nRF201 = \"warning\"\n");
    project.assert_output(&["check", "boards"], 0, &["warning[RF201]", "2 warnings in 2 inputs"]);
    project.assert_output(&["check", "--fail-on", "warning", "boards"], 1, &[]);
    project.put("ringfence.toml", "[severity]\nRF201 = \"off\"\n");
    project.assert_output(&["check", "--fail-on", "note", "boards"], 0, &["clean: 2 inputs"]);
}

#[test]
fn a_board_brings_policy_kernels_and_ram() {
    let project = project();
    project.put(
        "one.toml",
        "[[carveout]]\nnode = \"/reserved-memory/secure@48000000\"\nbase = \
                 \"0x48000000\"\nsize = \"1 MiB\"\n",
    );
    project.put(
        "ringfence.toml",
        "kernels = \"6.6\"\n[[board]]\nmatch = \"boards/acme/*.dtb\"\ncompatible = \"acme,one\"\npolicy = \
         \"one.toml\"\n\
         ram = \"0x40000000:70MiB\"\n",
    );
    project.assert_output(&["check", "boards/acme/one.dtb"], 1, &["RF401", "secure@48000000", "RF203"]);
    let other = project.assert_output(&["check", "boards/acme/two.dtb"], 1, &["RF201"]);
    assert!(!other.contains("RF401"), "the first board's policy is not the second's:\n{other}");
    project.put("boards/ringfence.toml", "[[board]]\npolicy = \"gone.toml\"\n");
    let said = project.assert_output(&["check", "boards"], 2, &["boards/gone.toml: no such file"]);
    assert_eq!(said.matches("gone.toml").count(), 1, "one broken configuration is one error:\n{said}");
}

#[test]
fn how_much_cma_is_wanted_may_depend_on_the_ram() {
    let project = project();
    project.put(
        "ringfence.toml",
        "[[board]]\n[[board.cma]]\nwhen = \"ram >= 2GiB\"\nsize = \"128 MiB\"\n[[board.cma]]\nsize = \"32 \
         MiB\"\n",
    );
    project.assert_output(&["check", "boards/acme/one.dtb"], 1, &["RF406", "`cma=` with 32 MiB"]);
    project.assert_output(&["check", "boards/acme/two.dtb"], 1, &["RF406", "`cma=` with 128 MiB"]);
    project.assert_output(
        &["check", "--ram", "0x40000000:4GiB", "boards/acme/one.dtb"],
        1,
        &["`cma=` with 128 MiB"],
    );
    project.assert_output(&["fix", "--unsafe", "boards/acme/two.dtb", "-o", "out.dtb"], 0, &["cma=128M@"]);
}

#[test]
fn a_mistake_is_told_at_its_line() {
    let project = project();
    project.put("ringfence.toml", "\n[[supress]]\nrule = \"RF201\"\n");
    for command in [&["check"][..], &["map"], &["fix", "-o", "out.dtb"]] {
        let args = [command, &["boards/acme/one.dtb"]].concat();
        project.assert_output(
            &args,
            2,
            &["unknown key `supress`", "ringfence.toml:2:3", "did you mean `suppress`?"],
        );
    }
}

#[test]
fn commands_about_one_kernel_say_which() {
    let project = project();
    for command in
        [&["map"][..], &["headroom"], &["diff", "boards/acme/two.dtb"], &["plan", "--kernel-size", "8M"]]
    {
        let both = [command, &["--kernel", "6.12", "--kernel", "6.1", "boards/acme/one.dtb"]].concat();
        let said = project.run(&both);
        let said = String::from_utf8_lossy(&said.stderr);
        assert!(
            said.contains("note: boards/acme/one.dtb: ") && said.contains("is for 6.12\n"),
            "{command:?}: {said}"
        );
        let one = [command, &["--kernel", "6.1", "boards/acme/one.dtb"]].concat();
        assert!(!String::from_utf8_lossy(&project.run(&one).stderr).contains("note: "), "{command:?}");
    }
}

#[test]
fn only_what_is_new_since_the_baseline_counts() {
    let project = project();
    let with = ["check", "--baseline", "known.json", "boards"];
    project.assert_output(&with, 2, &["known.json: no such file"]);
    project.assert_output(
        &["check", "--baseline", "known.json", "--write-baseline", "boards"],
        0,
        &["2 findings written"],
    );
    project.assert_output(&with, 0, &["clean: 2 inputs (2 suppressed)"]);
    project.put("boards/acme/three.dtb", board("acme,three", 0x4000_0000));
    project.assert_output(&with, 1, &["1 error in 3 inputs (2 suppressed)"]);
    project.put("known.json", "{}");
    project.assert_output(&with, 2, &["known.json: not a baseline", "--write-baseline"]);
    project.assert_output(&["check", "--write-baseline", "boards"], 2, &["--baseline"]);
}

/// Baselines of version 1 have the words of a finding, which are other words now.
#[test]
fn an_old_baseline_is_read_and_written_anew() {
    let project = project();
    let known = |input: &str, rule: &str| {
        let node = "/reserved-memory/camera@44300000";
        format!(
            r#"{{"input": "boards/acme/{input}.dtb", "rule": "{rule}", "node": "{node}",
                "message": "old words"}}"#
        )
    };
    let old = |rule: &str| {
        format!(r#"{{"schema": 1, "findings": [{}, {}]}}"#, known("one", rule), known("two", rule))
    };
    let with = ["check", "--baseline", "known.json", "boards"];
    project.put("known.json", old("RF201"));
    project.assert_output(&with, 0, &["(2 suppressed)"]);
    project.put("known.json", old("RF202"));
    project.assert_output(&with, 1, &["2 errors in 2 inputs"]);
    let write = ["check", "--baseline", "known.json", "--write-baseline", "boards"];
    project.assert_output(&write, 0, &["2 findings written"]);
    let text = fs::read_to_string(project.path("known.json")).unwrap();
    assert!(text.contains("\"schema\": 2") && text.contains("\"property\": \"reg\""), "{text}");
    assert!(!text.contains("message"), "{text}");
    project.assert_output(&with, 0, &["clean: 2 inputs (2 suppressed)"]);
    project.put("known.json", r#"{"schema": 3, "findings": []}"#);
    project.assert_output(&with, 2, &["known.json: a baseline of schema 3"]);
}

#[test]
fn a_baseline_is_the_same_from_wherever_it_is_used() {
    let project = project();
    project.assert_output(&["check", "--baseline", "known.json", "--write-baseline", "./boards"], 0, &[]);
    let output = Command::new(env!("CARGO_BIN_EXE_ringfence"))
        .args(["check", "--baseline", "../known.json", "acme"])
        .current_dir(project.dir().join("boards"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_project_says_what_its_inputs_are() {
    let project = project();
    project.assert_output(&["check"], 2, &["error: no INPUT given", "help: ", "`inputs`"]);
    project.put("ringfence.toml", "inputs = [\"boards/*/two.dtb\", \"boards/acme\"]\n");
    let said = project.assert_output(&["check"], 1, &["3 errors in 3 inputs"]);
    assert!(said.find("two.dtb") < said.find("one.dtb"), "in the order of the file: {said}");
    project.assert_output(&["check", "boards/acme/one.dtb"], 1, &["1 error in 1 input"]);
    project.assert_output(&["check", "--no-config"], 2, &["no INPUT given"]);
    let below = Command::new(env!("CARGO_BIN_EXE_ringfence"))
        .arg("check")
        .current_dir(project.dir().join("boards/acme"))
        .output()
        .unwrap();
    assert_eq!(below.status.code(), Some(1), "{}", String::from_utf8_lossy(&below.stderr));
    project.put("ringfence.toml", "inputs = \"board/*.dtb\"\n");
    project.assert_output(&["check"], 2, &["ringfence.toml: inputs: nothing matches `board/*.dtb`"]);
    project.put("ringfence.toml", "");
    project.assert_output(&["check"], 2, &["ringfence.toml: has no `inputs`"]);
}

/// The schema for editors knows the keys that the reader knows, and no others.
#[test]
fn the_schema_for_editors_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema/ringfence.schema.json");
    let schema: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let tables =
        ["", "/definitions/suppress", "/definitions/board", "/definitions/cma", "/definitions/boot-map"];
    for (table, (name, keys)) in tables.iter().zip(ringfence_cli::project::config::KEYS) {
        let properties = schema.pointer(&format!("{table}/properties")).and_then(Value::as_object).unwrap();
        let mut known: Vec<&str> = keys.to_vec();
        known.sort_unstable();
        assert!(properties.keys().eq(known), "{name}: {:?}", properties.keys());
    }
    jsonschema::draft7::new(&schema).unwrap();
}
