//! Pipes and devices where a source or a configuration names a file, and closed directories: nothing waits,
//! memory has a bound, and everything else is checked.

mod workdir;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use workdir::WorkDir;
use workdir::board::tree;

const BOARD: &str = "/ { #address-cells = <2>; #size-cells = <2>;\n\
    memory@40000000 { device_type = \"memory\"; reg = <0 0x40000000 0 0x40000000>; };\n\
    reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;\n\
    a@48000000 { no-map; reg = <0 0x48000000 0 0x200>; }; }; };\n";

fn bench() -> WorkDir {
    let bench = WorkDir::new();
    let made = Command::new("mkfifo").arg(bench.path("pipe")).status().unwrap();
    assert!(made.success());
    symlink("/dev/zero", bench.path("zero")).unwrap();
    bench
}

/// Runs the tool, which must end within half a minute and 4 GiB.
#[track_caller]
fn run(bench: &WorkDir, args: &[&str]) -> Output {
    let tool = bench.command(args);
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -v 4194304; exec \"$@\"", "sh"]).arg(tool.get_program()).args(args);
    let limited = limited.current_dir(bench.dir()).stdin(Stdio::null());
    let mut child = limited.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(30) {
            child.kill().unwrap();
            panic!("{args:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap()
}

#[track_caller]
fn assert_output(bench: &WorkDir, args: &[&str], code: i32, word: &str) {
    let output = run(bench, args);
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
    assert!(text.contains(word), "{args:?}: no `{word}` in:\n{text}");
}

#[test]
fn a_pipe_that_a_source_includes_is_refused() {
    let bench = bench();
    bench.put("nested.dtsi", "#include \"pipe\"\n");
    bench.put("include/far.dtsi", "/include/ \"../pipe\"\n");
    for (line, shown) in [
        ("#include \"pipe\"", "includes pipe,"),
        ("#include <pipe>", "includes pipe,"),
        ("/include/ \"pipe\"", "includes pipe,"),
        ("#define FILE \"pipe\"\n#include FILE", "includes pipe,"),
        ("/ { logo = /incbin/(\"pipe\"); };", "includes pipe,"),
        ("#include \"nested.dtsi\"", "includes pipe,"),
        ("#include \"far.dtsi\"", "includes include/../pipe,"),
        ("#include \"zero\"", "includes zero,"),
    ] {
        bench.put("board.dts", format!("/dts-v1/;\n{line}\n{BOARD}"));
        assert_output(&bench, &["check", "-I", "include", "-I", ".", "board.dts"], 2, shown);
        let format = ["check", "--format", "json", "-I", "include", "board.dts"];
        assert_output(&bench, &format, 2, "\"schema\"");
    }
    // What has the same name and is not included, and the one device that is empty.
    bench.put("board.dts", format!("/dts-v1/;\n#include \"/dev/null\"\n{BOARD}/ {{ a = \"pipe\"; }};\n"));
    assert_output(&bench, &["check", "board.dts"], 0, "clean: 1 input");
}

#[test]
fn the_name_in_a_marker_is_not_read_whatever_it_is() {
    let bench = bench();
    for name in ["pipe", "/dev/zero", "zero"] {
        bench.put("board.dts", format!("/dts-v1/;\n#define A 1\n# 1 \"{name}\"\n{BOARD}"));
        assert_output(&bench, &["check", "--fail-on", "warning", "board.dts"], 0, "clean: 1 input");
    }
}

#[test]
fn what_is_beside_a_part_of_sources_is_read_if_it_is_a_file() {
    let bench = bench();
    bench.put("soc.dtsi", "/ { };\n");
    symlink("pipe", bench.path("a.dts")).unwrap();
    symlink("zero", bench.path("b.dts")).unwrap();
    bench.put("c.dts", "/dts-v1/;\n#include \"soc.dtsi\"\n");
    assert_output(&bench, &["check", "soc.dtsi"], 2, "check a source that includes it: ./c.dts");
}

#[test]
fn a_configuration_that_names_a_device_does_not_fill_the_memory() {
    let bench = bench();
    bench.put("board.dts", format!("/dts-v1/;\n{BOARD}"));
    bench.put("ringfence.toml", "[[board]]\nmatch = \"board.dts\"\npolicy = \"zero\"\n");
    assert_output(&bench, &["check", "board.dts"], 2, "zero: larger than 64 MiB");
}

#[test]
fn a_closed_directory_does_not_keep_the_others_from_being_checked() {
    let bench = WorkDir::new();
    for name in ["boards/a.dtb", "boards/closed/b.dtb", "boards/z.dtb"] {
        bench.put(name, tree(0x50_0000));
    }
    let mode =
        |mode| fs::set_permissions(bench.path("boards/closed"), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o000);
    // Root reads it all the same.
    if fs::read_dir(bench.path("boards/closed")).is_ok() {
        mode(0o755);
        return println!("SKIPPED: nothing is closed to this user");
    }
    let output = run(&bench, &["check", "--format", "json", "boards"]);
    let text = String::from_utf8_lossy(&output.stdout);
    mode(0o755);
    assert_eq!(output.status.code(), Some(2), "{text}");
    for word in ["\"boards/a.dtb\"", "\"boards/z.dtb\"", "boards/closed: no permission to read it"] {
        assert!(text.contains(word), "no {word} in {text}");
    }
}
