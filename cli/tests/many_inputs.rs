//! Many inputs at once: what cannot be read, several trees in a file, and which findings are shown.

mod workdir;

use std::fs;

use serde_json::Value;

use workdir::WorkDir;
use workdir::board::tree;

fn bench() -> WorkDir {
    let bench = WorkDir::new();
    bench.put("good.dtb", tree(0x50_0000));
    bench.put("bad.dtb", tree(0x70_0000));
    bench.put("text.dtb", "this is not a device tree, but long enough for the header of one");
    bench
}

#[track_caller]
fn json(bench: &WorkDir, args: &[&str], code: i32) -> Value {
    let output = bench.run(args);
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_cannot_be_read_is_an_entry_of_every_format_and_keeps_nothing_else_out() {
    let bench = bench();
    let inputs = ["gone.dtb", "bad.dtb", "text.dtb"];
    let check = |format| [&["check", "--format", format][..], &inputs].concat();
    for format in ["human", "concise", "json", "sarif", "junit", "github", "gitlab"] {
        let text = bench.assert_output(&check(format), 2, &["RF201"]);
        if format != "human" {
            assert!(
                text.matches("gone.dtb: no such file").count() > 1,
                "on stderr and in the result: {text}"
            );
        }
        // A document is one even when nothing can be read.
        let nothing = bench.run(&["check", "--format", format, "gone.dtb"]);
        let text = String::from_utf8(nothing.stdout).unwrap();
        match format {
            "json" | "sarif" | "gitlab" => drop(serde_json::from_str::<Value>(&text).unwrap()),
            "junit" => drop(quick_junit::Report::deserialize_from_str(&text).unwrap()),
            _ => {}
        }
        assert_eq!(text.contains("no such file"), format != "human", "{format}: {text}");
    }
    let report = json(&bench, &check("json"), 2);
    assert_eq!(report["inputs"][0]["error"], "gone.dtb: no such file");
    assert_eq!(report["summary"]["unreadable"], 2);
    let sarif = json(&bench, &check("sarif"), 2);
    let invocation = &sarif["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    assert_eq!(invocation["toolExecutionNotifications"].as_array().unwrap().len(), 2);
    let junit = bench.run(&check("junit"));
    let junit = quick_junit::Report::deserialize_from_str(&String::from_utf8(junit.stdout).unwrap()).unwrap();
    assert_eq!((junit.errors, junit.failures), (2, 1));
}

#[test]
fn each_of_several_trees_in_a_file_is_judged() {
    let bench = bench();
    bench.put("both.dtb", [tree(0x50_0000), vec![0; 12], tree(0x70_0000)].concat());
    let report = json(&bench, &["check", "--format", "json", "both.dtb"], 1);
    let inputs = report["inputs"].as_array().unwrap();
    let rules = |input: &Value| input["findings"].as_array().unwrap().len();
    let found: Vec<_> = inputs.iter().map(|input| (input["path"].as_str().unwrap(), rules(input))).collect();
    assert_eq!(found, [("both.dtb#1", 0), ("both.dtb#2", 1)]);
    bench.assert_output(&["map", "both.dtb"], 2, &["several device trees"]);
}

#[test]
fn a_hash_that_does_not_match_is_an_error_of_its_configuration() {
    let bench = bench();
    let mut kernel = vec![0x5a; 0x1000];
    kernel[..0x10].fill(0);
    kernel[0x10..0x18].copy_from_slice(&0x2000_u64.to_le_bytes());
    kernel[0x18..0x20].copy_from_slice(&0xa_u64.to_le_bytes());
    kernel[0x38..0x3c].copy_from_slice(b"ARM\x64");
    bench.put("Image", &kernel);
    bench.assert_output(&["pack", "--kernel", "Image", "--dtb", "good.dtb", "-o", "board.itb"], 0, &[]);
    bench.assert_output(&["check", "board.itb"], 0, &["clean"]);
    let mut bundle = bench.read("board.itb");
    let at = bundle.windows(64).position(|bytes| bytes == &kernel[0x80..0xc0]).unwrap();
    bundle[at + 1] ^= 1;
    bench.put("board.itb", bundle);
    bench.assert_output(
        &["check", "board.itb"],
        2,
        &["board.itb#conf-1: image `kernel` is damaged: its sha256"],
    );
}

#[test]
fn findings_are_selected_by_rule_and_severity() {
    let bench = bench();
    let check = |more: &[&str], code, words: &[&str]| {
        bench.assert_output(&[&["check"], more, &["bad.dtb", "good.dtb"]].concat(), code, words)
    };
    check(&[], 1, &["error[RF201]"]);
    check(&["--select", "RF3,RF102"], 0, &["clean: 2 inputs"]);
    check(&["--ignore", "overlap"], 0, &["clean: 2 inputs"]);
    check(&["--ignore", "RF2", "--select", "RF201"], 1, &["error[RF201]"]);
    check(&["--select", "RF9x"], 2, &["invalid value 'RF9x' for '--select <RULE>'"]);
    check(&["--fail-on", "never"], 0, &["error[RF201]", "1 error in 2 inputs"]);
    assert_eq!(check(&["-q", "--format", "concise"], 1, &[]).lines().count(), 1);
    let quiet = check(&["-q"], 1, &["error[RF201]"]);
    assert!(!quiet.contains("in 2 inputs"), "{quiet}");
    check(&["-o", "out.txt"], 1, &[]);
    let written = String::from_utf8(bench.read("out.txt")).unwrap();
    assert!(written.contains("error[RF201]") && written.ends_with("1 error in 2 inputs\n"), "{written}");
    check(&["-o", "bad.dtb"], 2, &["this is an input"]);
}

#[test]
fn what_many_boards_share_is_told_once_and_github_gets_no_more_than_it_shows() {
    let bench = WorkDir::new();
    for number in 0..30_u32 {
        bench.put(&format!("same/{number:02}.dtb"), tree(0x70_0000));
        bench.put(&format!("other/{number:02}.dtb"), tree(0x70_0000 + number * 0x1000));
    }
    let text = bench.assert_output(&["check", "same"], 1, &["the same in 29 other inputs", "30 errors"]);
    assert!(text.lines().count() < 20, "{text}");
    let text = bench.assert_output(&["check", "other"], 1, &["30       30 RF201", "-v shows"]);
    assert!(text.lines().count() < 40, "{text}");
    bench.assert_output(&["check", "-v", "other/01.dtb"], 1, &["other/01.dtb: configuration: none"]);

    let summary = bench.path("summary.md");
    let mut github = bench.command(&["check", "--format", "github", "other"]);
    let output = github.env("GITHUB_STEP_SUMMARY", &summary).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.matches("::error ").count(), 10, "{text}");
    assert!(text.ends_with("ringfence: 20 further findings in the step summary\n"), "{text}");
    let summary = fs::read_to_string(summary).unwrap();
    assert_eq!(summary.matches("| error | RF201 |").count(), 30, "{summary}");

    let gitlab = json(&bench, &["check", "--format", "gitlab", "other"], 1);
    let prints = gitlab.as_array().unwrap().iter().map(|issue| issue["fingerprint"].as_str().unwrap());
    assert_eq!(prints.collect::<std::collections::BTreeSet<_>>().len(), 30);
}

#[test]
fn directories_are_compared_board_by_board() {
    let bench = WorkDir::new();
    for number in 0..6 {
        bench.put(&format!("old/acme/{number}.dtb"), tree(0x50_0000));
        bench.put(&format!("new/moved/{number}.dtb"), tree(if number < 5 { 0x70_0000 } else { 0x50_0000 }));
    }
    bench.put("old/gone.dtb", tree(0x50_0000));
    bench.put("new/added.dtb", tree(0x50_0000));
    let words = [
        "grew     /reserved-memory/camera@84300000: 5 MiB to 7 MiB",
        "in moved/0.dtb, moved/1.dtb, moved/2.dtb, moved/3.dtb and 1 more",
        "removed  1 board: gone.dtb",
        "added    1 board: added.dtb",
        "5 grew, 5 collides in 5 of 6 boards",
    ];
    bench.assert_output(&["diff", "old", "new"], 0, &words);
    bench.assert_output(&["diff", "--fail-on", "collide", "old", "new"], 1, &["(2 MiB) [gate]"]);
    bench.assert_output(&["diff", "--fail-on", "shrink", "old", "new"], 0, &[]);
    bench.assert_output(&["diff", "old", "old"], 0, &["same: 7 boards with the same memory map"]);
    bench.assert_output(
        &["diff", "old", "old/gone.dtb"],
        2,
        &["old: a directory, and old/gone.dtb is not one"],
    );
    bench.put("new/moved/3.dtb", "not a tree, but a text that is long enough to have a header of one");
    bench.assert_output(&["diff", "old", "new"], 2, &["3.dtb: not a device tree", "4 grew"]);
}
