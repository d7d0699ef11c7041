//! `ringfence report` and `ringfence verify --live`: what a board shows, as a tree or as files.

mod workdir;

use std::fs;
use std::process::Command;

use ringfence::fdt::Tree;
use ringfence::policy::digest;
use ringfence_cli::project::policy_file;
use serde_json::Value;
use workdir::WorkDir;

const BOARD: &str = include_str!("book/booted.dts");
const LOG: &str = include_str!("book/boot.log");
const IOMEM: &str =
    "40000000-4fffffff : System RAM\n52300000-7fffffff : System RAM\n  60000000-61ffffff : reserved\n";

/// Writes the files that a board shows: its tree in both forms, its log, memory and kernel.
fn board(source: &str) -> WorkDir {
    let dir = WorkDir::new();
    dir.put("board.dts", source);
    let dtc = Command::new("dtc").args(["-q", "-O", "dtb", "board.dts"]).current_dir(dir.dir()).output();
    let blob = dtc.unwrap().stdout;
    dir.put("root/sys/firmware/fdt", &blob);
    let tree = Tree::parse(&blob).unwrap();
    for prop in tree.find("/chosen/ringfence").iter().flat_map(|node| node.props()) {
        dir.put(&format!("root/sys/firmware/devicetree/base/chosen/ringfence/{}", prop.name), prop.value);
    }
    dir.put("root/proc/iomem", IOMEM);
    dir.put("root/proc/cmdline", "console=ttyAMA0 cma=32M@0x60000000\n");
    dir.put("root/proc/sys/kernel/osrelease", "6.6.92\n");
    dir.put("root/dmesg", LOG);
    dir
}

#[test]
fn a_report_is_shown_from_a_tree_and_from_files() {
    let dir = board(BOARD);
    let words = [
        "ringfence 0.2.0 enforced the memory map of this boot",
        "1 error, 0 warnings, 2 notes in the tree as it came",
        "policy   sha256 3f5c8a91",
        "secure boot off",
        "made     1 repair",
        "  shifted /reserved-memory/wpss@50800000 to 0x50a00000",
    ];
    for source in ["board.dts", "root/sys/firmware/fdt", "root", "root/sys/firmware/devicetree/base"] {
        dir.assert_output(&["report", source], 0, &words);
    }
    let json = dir.run(&["report", "--format", "json", "root"]).stdout;
    let json: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!((&json["errors"], &json["repairs"][0]), (&Value::from(1), &Value::from(&words[5][2..])));
    assert_eq!((&json["policy_digest"], &json["tree"]), (&Value::from("3f5c8a91"), &Value::Null));
}

#[test]
fn the_policy_of_the_boot_is_compared() {
    let policy = "mode = \"fix\"\n";
    let blob = policy_file::parse("p.toml", policy).unwrap().to_blob().unwrap();
    let hex: String = digest(&blob).unwrap().iter().map(|byte| format!("{byte:02x} ")).collect();
    let dir = board(&BOARD.replace("3f 5c 8a 91", &hex));
    dir.put("p.toml", policy);
    dir.put("q.toml", "mode = \"audit\"\n");
    dir.assert_output(&["report", "--policy", "p.toml", "root"], 0, &[]);
    dir.assert_output(&["report", "--policy", "q.toml", "root"], 1, &["q.toml: not the policy of this boot"]);
}

#[test]
fn a_boot_without_the_stage_has_no_report_and_hostile_text_is_not_printed() {
    let dir = board(&BOARD.replace("ringfence {", "other {"));
    for source in ["board.dts", "root"] {
        dir.assert_output(
            &["report", source],
            2,
            &["no /chosen/ringfence", "ringfence did not boot this kernel"],
        );
    }
    let dir = board(&BOARD.replace("shifted", "\u{1b}[31mshifted"));
    let text = dir.assert_output(&["report", "root"], 0, &["[31mshifted"]);
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn a_running_board_is_compared_with_the_prediction() {
    let dir = board(BOARD);
    let live = ["verify", "--no-config", "--live", "--root", "root"];
    dir.assert_output(&live, 0, &["root/sys/firmware/fdt: the boot matches the prediction for 6.6"]);
    // A carveout that Linux uses after all.
    dir.put("root/proc/iomem", "40000000-7fffffff : System RAM\n  60000000-61ffffff : reserved\n");
    dir.assert_output(&live, 1, &["should be unmapped, but is System RAM"]);
    dir.put("root/proc/iomem", IOMEM);
    // A ring buffer that has lost the start: version and command line are in /proc.
    dir.put("root/dmesg", LOG.lines().skip(3).take(3).map(|line| format!("{line}\n")).collect::<String>());
    dir.assert_output(&live, 0, &["lacks the start of the boot", "matches the prediction for 6.6"]);
    fs::remove_file(dir.path("root/dmesg")).unwrap();
    dir.assert_output(&live, 2, &["no log here", "--boot-log"]);
    dir.assert_output(&["verify", "board.dts"], 2, &["--boot-log"]);
}
