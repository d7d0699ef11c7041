//! Sources wherever they come from: pipes, licences, encodings, fragments, directories and overlays.

mod workdir;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use workdir::WorkDir;

const HEAD: &str = "#address-cells = <2>; #size-cells = <2>;";

/// Returns a board whose camera and modem overlap, in lines that findings can name.
fn board(camera_size: &str) -> String {
    let memory = "memory@40000000 { device_type = \"memory\"; reg = <0 0x40000000 0 0x80000000>; };";
    let camera = format!("camera@84300000 {{ reg = <0 0x84300000 0 {camera_size}>; no-map; }};");
    let modem = "modem@84800000 { reg = <0 0x84800000 0 0x100000>; no-map; };";
    format!(
        "/dts-v1/;\n/ {{ {HEAD}\n {memory}\n reserved: reserved-memory {{ {HEAD} ranges;\n  \
         {camera}\n  {modem}\n }};\n}};\n"
    )
}

fn piped(dir: &WorkDir, args: &[&str], text: &[u8]) -> Output {
    let mut child = dir
        .command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text).unwrap();
    child.wait_with_output().unwrap()
}

#[track_caller]
fn assert_piped(dir: &WorkDir, args: &[&str], text: &[u8], code: i32, words: &[&str]) -> String {
    let output = piped(dir, args, text);
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    words.iter().for_each(|word| assert!(said.contains(word), "no `{word}` in:\n{said}"));
    said.into_owned()
}

#[test]
fn a_licence_a_mark_or_latin_1_are_no_obstacle() {
    let dir = WorkDir::new();
    let licence = "// SPDX-License-Identifier: GPL-2.0-only\n/*\n * Board\n */\n";
    let check = ["check", "--no-config", "-"];
    let with_licence = format!("{licence}{}", board("0x600000"));
    assert_piped(&dir, &check, with_licence.as_bytes(), 1, &["RF201", "--> -:9:21"]);
    let latin = [&b"/* J\xfcrgen */ "[..], board("0x600000").as_bytes()].concat();
    assert_piped(&dir, &check, &latin, 1, &["RF201", "--> -:5:21", "camera@84300000"]);
    let marked = [b"\xef\xbb\xbf", board("0x600000").as_bytes()].concat();
    assert_piped(&dir, &check, &marked, 1, &["RF201", "--> -:5:21"]);
    for (name, text) in [("latin.dts", &latin), ("marked.dts", &marked)] {
        dir.put(name, text);
        dir.assert_output(&["check", "--no-config", name], 1, &["RF201", &format!("--> {name}:5:21")]);
    }
    let fix = ["fix", "--no-config", "--unsafe", "--in-place"];
    dir.assert_output(&[&fix[..], &["marked.dts"]].concat(), 0, &[]);
    dir.assert_output(&["check", "--no-config", "marked.dts"], 0, &[]);
    dir.assert_output(&[&fix[..], &["latin.dts"]].concat(), 0, &[]);
    dir.assert_output(&["check", "--no-config", "latin.dts"], 0, &[]);
    assert!(dir.read("latin.dts").starts_with(b"/* J\xfcrgen */ "));
}

#[test]
fn stdin_has_the_name_that_it_is_given() {
    let dir = WorkDir::new();
    dir.put("dts/soc.dtsi", "#define SIZE 0x600000\n");
    dir.put("dts/ringfence.toml", "[severity]\nRF201 = \"warning\"\n");
    let text = format!("#include \"soc.dtsi\"\n{}", board("SIZE"));
    let named = ["check", "--stdin-filename", "dts/board.dts", "-"];
    assert_piped(&dir, &named, text.as_bytes(), 0, &["warning[RF201]", "--> dts/board.dts:6:21"]);
    let fix = ["fix", "--unsafe", "--diff", "--stdin-filename", "dts/board.dts", "-"];
    let patch = assert_piped(&dir, &fix, text.as_bytes(), 0, &["--- a/dts/board.dts", "+++ b/dts/board.dts"]);
    assert!(!patch.contains("--- a/-"), "{patch}");
}

#[test]
fn a_diff_of_a_source_is_a_patch() {
    let dir = WorkDir::new();
    dir.put("dts/board.dts", board("0x600000"));
    let diff = dir.run(&["fix", "--no-config", "--unsafe", "--diff", "dts/board.dts"]);
    let text = String::from_utf8(diff.stdout).unwrap();
    let at = text.find("--- a/").unwrap();
    dir.put("repair.patch", &text[at..]);
    let patch =
        Command::new("patch").args(["-p1", "-i", "repair.patch"]).current_dir(dir.dir()).output().unwrap();
    assert!(patch.status.success(), "{text}\n{}", String::from_utf8_lossy(&patch.stdout));
    dir.assert_output(&["check", "--no-config", "dts/board.dts"], 0, &["clean"]);
}

#[test]
fn a_fragment_is_named_with_the_sources_that_include_it() {
    let dir = WorkDir::new();
    dir.put("dts/soc.dtsi", "&reserved { };\n");
    dir.put("dts/a.dts", "/dts-v1/;\n#include \"soc.dtsi\"\n");
    dir.put("dts/b.dts", "/dts-v1/;\n");
    let said = dir.assert_output(
        &["check", "--no-config", "dts/soc.dtsi"],
        2,
        &["dts/soc.dtsi: a part of sources", "check a source that includes it: dts/a.dts"],
    );
    assert!(!said.contains("b.dts"), "{said}");
    assert_piped(&dir, &["check", "--no-config", "-"], b"// x\n/ { };\n", 2, &["a part of sources"]);
}

#[test]
fn a_directory_of_sources_is_checked_and_blobs_are_preferred() {
    let dir = WorkDir::new();
    dir.put("dts/one.dts", board("0x600000"));
    dir.put("dts/sub/two.dts", board("0x500000"));
    dir.put("dts/sub/part.dtsi", "&x { };\n");
    dir.assert_output(&["check", "--no-config", "dts"], 1, &["--> dts/one.dts:5:21", "2 inputs"]);
    let dtc = ["-q", "-O", "dtb", "-o", "dts/one.dtb", "dts/one.dts"];
    assert!(Command::new("dtc").args(dtc).current_dir(dir.dir()).status().unwrap().success());
    dir.assert_output(&["check", "--no-config", "dts"], 1, &["--> dts/one.dtb", "1 input"]);
    dir.put("empty/x", "");
    dir.assert_output(&["check", "--no-config", "empty"], 2, &["no .dtb and no .dts in this directory"]);
}

#[test]
fn a_board_may_have_a_node_that_looks_like_a_fragment() {
    let dir = WorkDir::new();
    let fragment =
        "fragment@101 { target-path = \"/\"; __overlay__ { dma { compatible = \"x\"; }; }; };\n};\n";
    let text = board("0x500000");
    dir.put("board.dts", text.strip_suffix("};\n").unwrap().to_owned() + fragment);
    dir.assert_output(&["check", "--no-config", "board.dts"], 0, &["clean"]);
}

const OVERLAY: &str = "/dts-v1/;\n/plugin/;\n&reserved {\n\tdsp@84200000 {\n\
                       \t\treg = <0 0x84200000 0 0x200000>;\n\t\tno-map;\n\t};\n};\n";

#[test]
fn findings_of_an_overlay_are_at_its_own_line_and_those_of_the_base_come_once() {
    let dir = WorkDir::new();
    // The base has a fault of its own: camera over modem.
    dir.put("base.dts", board("0x600000"));
    dir.put("overlays/one.dtso", OVERLAY);
    dir.put("overlays/two.dtso", OVERLAY.replace("84200000", "90000000"));
    let check = ["check", "--no-config", "--base", "base.dts", "overlays", "--format", "concise"];
    let said = dir.assert_output(&check, 1, &["base.dts:5:"]);
    let of_base = said.lines().filter(|line| line.contains("modem")).count();
    assert_eq!(of_base, 1, "{said}");
    assert!(
        said.lines().any(|line| line.starts_with("overlays/one.dtso:5:3") && line.contains("RF201")),
        "{said}"
    );
    assert!(!said.contains("two.dtso:"), "{said}");
    // With the board's tree first, the place is the overlay's, too.
    let board = ["check", "--no-config", "--overlay", "overlays/one.dtso", "base.dts", "--format", "concise"];
    dir.assert_output(&board, 1, &["overlays/one.dtso:5:3", "base.dts:5:"]);
}

#[test]
fn a_source_without_labels_or_by_path_is_laid_over_too() {
    let dir = WorkDir::new();
    dir.put("base.dts", board("0x500000"));
    let by_path = OVERLAY.replace("&reserved", "&{/reserved-memory}");
    dir.put("one.dtso", by_path);
    let check = ["check", "--no-config", "--base", "base.dts", "one.dtso", "--format", "concise"];
    dir.assert_output(&check, 1, &["one.dtso:5:3"]);
    dir.assert_output(&["check", "--no-config", "one.dtso"], 2, &["an overlay alone", "--base"]);
}
