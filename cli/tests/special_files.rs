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
fn what_a_configuration_names_is_a_file() {
    let bench = bench();
    bench.put("board.dts", format!("/dts-v1/;\n{BOARD}"));
    bench.put("one.dtso", "/dts-v1/;\n/plugin/;\n&{/} { a; };\n");
    for special in ["pipe", "zero"] {
        let board = |line: &str| format!("[[board]]\n{}\n", line.replace("FILE", special));
        let boot = |item: &str| board(&format!("[board.boot-map]\n{item} = \"0x40200000:@FILE\""));
        let refused = format!("{special}: not a regular file");
        for (config, input) in [
            (board("policy = \"FILE\""), "board.dts"),
            (board("base = \"FILE\""), "one.dtso"),
            (boot("kernel"), "board.dts"),
            (boot("initrd"), "board.dts"),
            (boot("dtb"), "board.dts"),
            (boot("stage"), "board.dts"),
            (boot("bundle"), "board.dts"),
        ] {
            bench.put("ringfence.toml", &config);
            assert_output(&bench, &["check", input], 2, &refused);
        }
        // Of several inputs the others are checked.
        bench.put("ringfence.toml", format!("inputs = [\"{special}\", \"board.dts\"]\n"));
        assert_output(&bench, &["check"], 2, &refused);
        assert_output(&bench, &["check"], 2, "clean: 1 input, 1 unreadable");
    }
    bench.put("ringfence.toml", "[[board]]\npolicy = \"/dev/null\"\n");
    assert_output(&bench, &["check", "board.dts"], 0, "clean: 1 input");
}

#[test]
fn what_the_user_names_has_a_largest_size() {
    let bench = bench();
    bench.put("board.dts", format!("/dts-v1/;\n{BOARD}"));
    for (option, limit) in [
        (["--kernel-config", "zero"], "64 MiB"),
        (["--policy", "zero"], "64 MiB"),
        (["--base", "zero"], "64 MiB"),
        (["--firmware", "zero=/reserved-memory/a@48000000"], "512 MiB"),
        (["--boot-map", "kernel=0x40200000:@zero"], "512 MiB"),
        (["--boot-map", "initrd=0x40200000:@zero"], "2 GiB"),
    ] {
        let args = [&["check", "board.dts"][..], &option].concat();
        assert_output(&bench, &args, 2, &format!("zero: larger than {limit}"));
    }
    // Not read to an end that it does not have.
    let bundle = ["check", "board.dts", "--bundle", "0x40200000:@zero"];
    assert_output(&bench, &bundle, 2, "zero: not a bundle");
    // Said of a file by its length alone.
    fs::File::create(bench.path("sparse")).unwrap().set_len(1 << 40).unwrap();
    let map = ["check", "board.dts", "--boot-map", "dtb=0x40200000:@sparse"];
    assert_output(&bench, &map, 2, "sparse: larger than 2 GiB");
}

#[test]
fn the_user_may_name_a_pipe() {
    let bench = bench();
    bench.put("board.dts", format!("/dts-v1/;\n{BOARD}"));
    bench.put("config", "# Linux/arm64 6.12.95 Kernel Configuration\nCONFIG_ARM64=y\n");
    bench.put("policy", "mode = \"fix\"\n");
    bench.put("initrd", vec![0; 0x1234]);
    let piped = |content: &str, args: &[&str]| {
        let mut shell = Command::new("sh");
        shell.args(["-c", "cat \"$0\" >pipe & exec \"$@\"", content]);
        shell.arg(env!("CARGO_BIN_EXE_ringfence")).args(args).current_dir(bench.dir());
        let output = shell.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {text}");
        text.into_owned()
    };
    let check = |option, value| ["check", "--no-config", "-v", "board.dts", option, value];
    assert!(piped("config", &check("--kernel-config", "pipe")).contains("kernels 6.12"));
    assert!(piped("policy", &check("--policy", "pipe")).contains("with a policy"));
    let map = ["map", "--no-config", "board.dts", "--boot-map", "initrd=0x50000000:@pipe"];
    assert!(piped("initrd", &map).contains("0x0050000000..0x0050001234"), "{}", piped("initrd", &map));
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
