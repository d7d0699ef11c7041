//! `base` of a board in `ringfence.toml`: the tree that its overlays are applied to.

mod workdir;

use std::fs;
use std::process::Command;

use workdir::WorkDir;

const HEAD: &str = "#address-cells = <2>; #size-cells = <2>;";

/// A board of this vendor, whose camera has so many bytes before the modem at 0x84800000.
fn board(vendor: &str, camera: &str) -> String {
    let memory = "memory@40000000 { device_type = \"memory\"; reg = <0 0x40000000 0 0x80000000>; };";
    let camera = format!("camera@84300000 {{ reg = <0 0x84300000 0 {camera}>; no-map; }};");
    let modem = "modem@84800000 { reg = <0 0x84800000 0 0x100000>; no-map; };";
    format!(
        "/dts-v1/;\n/ {{ {HEAD} compatible = \"{vendor},board\";\n {memory}\n \
         reserved: reserved-memory {{ {HEAD} ranges;\n  {camera}\n  {modem}\n }};\n}};\n"
    )
}

/// An overlay with a region at this address.
fn overlay(base: &str) -> String {
    format!(
        "/dts-v1/;\n/plugin/;\n&reserved {{\n\tdsp@{base} {{\n\
         \t\treg = <0 0x{base} 0 0x200000>;\n\t\tno-map;\n\t}};\n}};\n"
    )
}

/// Two boards, one with a fault of its own, and an overlay that is right for one of them alone.
fn project() -> WorkDir {
    let project = WorkDir::new();
    project.put("acme/base.dts", board("acme", "0x600000"));
    project.put("other/base.dts", board("other", "0x100000"));
    project.put("acme/one.dtso", overlay("84200000"));
    project.put("acme/two.dtso", overlay("90000000"));
    project.put("other/one.dtso", overlay("84500000"));
    project.put(
        "ringfence.toml",
        "inputs = [\"*/*.dtso\"]\n\
         [[board]]\nmatch = \"acme/*.dts*\"\nbase = \"acme/base.dts\"\n\
         [[board]]\nmatch = \"other/*\"\nbase = \"other/base.dts\"\n",
    );
    project
}

#[test]
fn each_overlay_is_checked_on_the_base_of_its_board() {
    let project = project();
    let said = project.assert_output(&["check", "--format", "concise"], 1, &[]);
    // What is wrong with the base alone comes once, before its overlays.
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("acme/base.dts:5:") && lines[0].contains("RF201"), "{said}");
    assert!(lines[1].starts_with("acme/one.dtso:5:3") && lines[1].contains("dsp@84200000"), "{said}");
    assert!(!said.contains("two.dtso:") && !said.contains("other/"), "{said}");
    project.assert_output(&["check"], 1, &["2 errors in 5 inputs"]);
    // A base that is an input itself is not reported a second time.
    let both = ["check", "--format", "concise", "./acme/base.dts", "acme/one.dtso"];
    let said = project.assert_output(&both, 1, &[]);
    assert_eq!(said.lines().count(), 2, "{said}");
    assert_eq!(said.matches("modem@84800000").count(), 1, "{said}");
    // Other commands take it, too; from another directory it is found from the configuration on.
    let map = Command::new(env!("CARGO_BIN_EXE_ringfence"))
        .args(["map", "one.dtso"])
        .current_dir(project.path("other"))
        .output()
        .unwrap();
    let map = String::from_utf8_lossy(&map.stdout).into_owned();
    assert!(map.contains("dsp@84500000") && map.contains("modem@84800000"), "{map}");
}

#[test]
fn the_command_line_comes_first() {
    let project = project();
    let alone = ["check", "--format", "concise", "other/one.dtso"];
    project.assert_output(&alone, 0, &[]);
    let said = project.assert_output(&[&alone[..], &["--base", "acme/base.dts"]].concat(), 1, &[]);
    assert!(said.contains("overlaps dsp@84500000"), "{said}");
    project.assert_output(&["check", "--no-config", "other/one.dtso"], 2, &["an overlay alone", "--base"]);
}

#[test]
fn the_first_board_that_matches_applies_by_the_compatible_of_its_base() {
    let project = project();
    let boards = |first: &str| {
        format!(
            "[[board]]\ncompatible = \"acme,*\"\nbase = \"other/base.dts\"\n\
             [[board]]\nmatch = \"other/*\"\n{first}\
             [[board]]\nbase = \"other/base.dts\"\n"
        )
    };
    project.put("ringfence.toml", boards("base = \"acme/base.dts\"\n"));
    project.assert_output(&["check", "other/one.dtso"], 1, &["dsp@84500000"]);
    // A board without a base is the board all the same.
    project.put("ringfence.toml", boards(""));
    let said = ["an overlay alone has no memory map", "`base` in ringfence.toml"];
    project.assert_output(&["check", "other/one.dtso"], 2, &said);
    project.assert_output(&["check", "acme/two.dtso"], 0, &["clean"]);
}

#[test]
fn whole_trees_have_no_use_for_a_base_and_it_is_read_for_overlays_alone() {
    let project = project();
    project.put("ringfence.toml", "[[board]]\nbase = \"gone.dts\"\n");
    project.assert_output(&["check", "other/base.dts"], 0, &["clean: 1 input"]);
    // Repaired in place as ever, without symbols or what an overlay brings.
    let fix = ["fix", "--in-place", "--unsafe", "acme/base.dts"];
    project.assert_output(&fix, 0, &[]);
    project.assert_output(&["check", "acme/base.dts"], 0, &["clean: 1 input"]);
    project.put("ringfence.toml", "[[board]]\nbase = \"other/base.dts\"\n");
    let before = fs::read(project.path("other/one.dtso")).unwrap();
    let fix = ["fix", "--in-place", "other/one.dtso"];
    project.assert_output(&fix, 2, &["has the overlays applied, so it cannot replace this file", "-o OUT"]);
    assert_eq!(fs::read(project.path("other/one.dtso")).unwrap(), before);
    project.assert_output(&["fix", "other/one.dtso", "-o", "out.dtb"], 0, &[]);
    project.assert_output(&["map", "out.dtb"], 0, &["dsp@84500000", "modem@84800000"]);
}

#[test]
fn what_is_wrong_with_a_base_names_the_line_of_the_configuration() {
    let project = project();
    project.put("broken.dts", "/dts-v1/;\n/ { a = ; };\n");
    for (base, words) in [
        ("base = \"gone.dts\"", ["gone.dts: no such file", "ringfence.toml:3:8"]),
        ("base = \"acme/two.dtso\"", ["this is an overlay itself", "ringfence.toml:3:8"]),
        ("base = \"broken.dts\"", ["broken.dts:2.9", "ringfence.toml:3:8"]),
        ("base = [\"a.dts\"]", ["`base` must be a string", "ringfence.toml:3:8"]),
        ("bass = \"a.dts\"", ["did you mean `base`?", "ringfence.toml:3:1"]),
    ] {
        project.put("ringfence.toml", format!("[[board]]\nmatch = \"*.dtso\"\n{base}\n"));
        project.assert_output(&["check", "acme/one.dtso"], 2, &words);
        let json = project.assert_output(&["check", "--format", "json", "acme/one.dtso"], 2, &[]);
        assert!(json.contains("\"acme/one.dtso\""), "{json}");
    }
}
