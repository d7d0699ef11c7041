//! What helps a project to adopt ringfence: a first configuration, suppressions in the source, and reports of
//! what suppresses nothing any more.

mod tools;
mod workdir;

use std::fs;

use tools::have_dtc;
use workdir::WorkDir;
use workdir::board::tree;

#[test]
fn a_new_project_gets_a_configuration_that_works_and_none_is_overwritten() {
    let project = WorkDir::new();
    project.assert_output(&["init"], 0, &["ringfence.toml: written; name the trees"]);
    project.put("boards/one.dtb", tree(0x70_0000));
    project.put("boards/.hidden/two.dtb", tree(0x70_0000));
    project.assert_output(&["init"], 2, &["ringfence.toml: exists already", "--force"]);
    project.assert_output(&["init", "--force"], 0, &["`ringfence check` checks boards/*.dtb"]);
    project.assert_output(&["check"], 1, &["--> boards/one.dtb", "1 error in 1 input"]);
    project.assert_output(&["init", "nowhere"], 2, &["nowhere: no such directory"]);

    project.put("good.dtb", tree(0x50_0000));
    project.assert_output(&["policy", "init", "good.dtb", "-o", "board.toml"], 0, &[]);
    project.put("board.toml", "# edited\n");
    project.assert_output(&["policy", "init", "good.dtb", "-o", "board.toml"], 2, &["exists already"]);
    project.assert_output(&["policy", "init", "good.dtb", "-o", "board.toml", "--force"], 0, &[]);
    project.put("notes.json", "{\"mine\": 1}");
    let baseline = ["check", "--baseline", "notes.json", "--write-baseline", "boards"];
    project.assert_output(&baseline, 2, &["not a baseline", "is not overwritten"]);
    let output = ["check", "--policy", "board.toml", "-o", "board.toml", "boards"];
    project.assert_output(&output, 2, &["board.toml: this is an input"]);
}

#[test]
fn a_suppression_that_matches_nothing_is_reported_when_all_inputs_are_checked() {
    let project = WorkDir::new();
    project.put("boards/one.dtb", tree(0x70_0000));
    let suppress = |node: &str, rule: &str| {
        format!("[[suppress]]\nrule = \"{rule}\"\nnode = \"{node}\"\nreason = \"looked at\"\n")
    };
    let used = suppress("/reserved-memory/camera@*", "RF2");
    let unused = suppress("/reserved-memory/npu@*", "RF305");
    project.put("ringfence.toml", format!("inputs = [\"boards\"]\n{used}{unused}"));
    let note = "ringfence.toml: the suppression of RF305 at /reserved-memory/npu@* matches no finding";
    let text = project.assert_output(&["check"], 0, &[note, "(1 suppressed)"]);
    assert!(!text.contains("camera"), "{text}");
    let text = project.assert_output(&["check", "boards/one.dtb"], 0, &[]);
    assert!(!text.contains("matches no finding"), "one board of many says nothing about the others: {text}");
}

#[test]
fn a_baseline_survives_a_move_and_its_stale_entries_are_reported() {
    let project = WorkDir::new();
    project.put("old/one.dtb", tree(0x70_0000));
    project.put("old/two.dtb", tree(0x70_0000));
    project.assert_output(
        &["check", "--baseline", "known.json", "--write-baseline", "old"],
        0,
        &["2 findings"],
    );
    fs::create_dir(project.path("new")).unwrap();
    fs::rename(project.path("old/one.dtb"), project.path("new/one.dtb")).unwrap();
    project.assert_output(&["check", "--baseline", "known.json", "new"], 0, &["(1 suppressed)"]);
    // A file of the same name elsewhere is another board while the first is there.
    project.put("new/two.dtb", tree(0x70_0000));
    project.assert_output(&["check", "--baseline", "known.json", "new"], 1, &["1 error", "(1 suppressed)"]);

    project.put("old/two.dtb", tree(0x50_0000));
    let stale = "known.json: no finding matches RF201 at /reserved-memory/camera@84300000 in old/two.dtb";
    project.assert_output(&["check", "--baseline", "known.json", "old"], 0, &[stale]);
}

#[test]
fn a_comment_next_to_the_node_suppresses_with_a_reason() {
    if !have_dtc() {
        return;
    }
    let project = WorkDir::new();
    let board = |comment: &str, inline: &str| {
        format!(
            "/dts-v1/;\n/ {{\n\t#address-cells = <2>;\n\t#size-cells = <2>;\n\tmemory@40000000 {{ \
             device_type = \
             \"memory\"; reg = <0x0 0x40000000 0x1 0x0>; }};\n\treserved-memory {{\n\t\t#address-cells = \
             <2>;\n\
             \t\t#size-cells = <2>;\n\t\tranges;\n{comment}\t\tcamera@84300000 {{{inline}\n\t\t\treg = <0x0 \
             0x84300000 0x0 0x700000>;\n\t\t\tno-map;\n\t\t}};\n\t\tmodem@84800000 {{ reg = <0x0 0x84800000 \
             0x0 \
             0x1900000>; no-map; }};\n\t}};\n}};\n"
        )
    };
    let check = |comment: &str, inline: &str, code, words: &[&str]| {
        project.put("board.dts", board(comment, inline));
        project.assert_output(&["check", "board.dts"], code, words)
    };
    check("", "", 1, &["error[RF201]"]);
    let suppressed = ["(1 suppressed)"];
    check("\t\t/* ringfence: allow(RF201) one firmware owns both */\n", "", 0, &suppressed);
    check("\t\t/*\n\t\t * ringfence: allow(overlap) one firmware owns both\n\t\t */\n", "", 0, &suppressed);
    check("", " // ringfence: allow(RF2) one firmware owns both", 0, &suppressed);
    check("\t\t/* ringfence: allow(RF305) another */\n", "", 1, &["error[RF201]"]);
    let ignored = ["board.dts:10: the suppression is ignored: it gives no reason", "error[RF201]"];
    check("\t\t/* ringfence: allow(RF201) */\n", "", 1, &ignored);
}

#[test]
fn several_rules_are_explained_and_pack_tells_what_check_would_find() {
    let project = WorkDir::new();
    let text = project.assert_output(&["explain", "201", "no-such"], 2, &["unknown rule `no-such`"]);
    assert!(!text.contains("RF201:"), "{text}");
    project.assert_output(&["explain", "201", "missing-ranges"], 0, &["RF201: ", "RF102: "]);
    project.assert_output(&["explain", "RF10"], 0, &["RF101: ", "RF102: "]);

    let mut image = vec![0; 0x1_0000];
    image[0x10..0x18].copy_from_slice(&0x2_0000_u64.to_le_bytes());
    image[0x18..0x20].copy_from_slice(&0xa_u64.to_le_bytes());
    image[0x38..0x3c].copy_from_slice(b"ARM\x64");
    project.put("Image", image);
    project.put("bad.dtb", tree(0x70_0000));
    project.put("good.dtb", tree(0x50_0000));
    let pack = |dtb| project.run(&["pack", "--kernel", "Image", "--dtb", dtb, "-o", "board.itb"]);
    let output = pack("bad.dtb");
    assert!(output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.starts_with("warning: bad.dtb: `ringfence check` finds 1 error, and the stage cannot"),
        "{text}"
    );
    assert!(text.contains("RF201 error /reserved-memory/camera@84300000"), "{text}");
    assert!(pack("good.dtb").stderr.is_empty());
}
