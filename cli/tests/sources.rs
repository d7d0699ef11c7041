//! Inputs other than blobs: sources with includes, reported by file and line, and bundles by configuration.

mod workdir;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use ringfence::fdt::{NewNode, build};

use workdir::WorkDir;

const BOARD: &str = r#"/dts-v1/;
#include <dt-bindings/board.h>
#include "soc.dtsi"

&reserved {
	modem@84800000 { reg = <0x0 0x84800000 0x0 0x1900000>; no-map; };
};

&camera { status = "okay"; };
"#;

const SOC: &str = r#"/ {
	#address-cells = <2>;
	#size-cells = <2>;
	memory@40000000 { device_type = "memory"; reg = <0x0 0x40000000 0x1 0x0>; };
	reserved: reserved-memory {
		#address-cells = <2>;
		#size-cells = <2>;
		ranges;
		camera: camera@84300000 {
			reg = <0x0 CAMERA_BASE
			       0x0 CAMERA_SIZE>;
			no-map;
		};
	};
};
"#;

fn sources() -> WorkDir {
    let sources = WorkDir::new();
    sources.put("dts/board.dts", BOARD);
    sources.put("dts/soc.dtsi", SOC);
    sources
        .put("include/dt-bindings/board.h", "#define CAMERA_BASE 0x84300000\n#define CAMERA_SIZE 0x700000\n");
    sources
}

fn have_tools() -> bool {
    let there = |tool| Command::new(tool).arg("--version").output().is_ok();
    let have = there("dtc") && there("cpp");
    if !have {
        println!("SKIPPED: dtc or cpp is missing (Debian: device-tree-compiler, cpp)");
    }
    have
}

#[test]
fn a_finding_in_an_included_file_is_told_with_that_file_and_line() {
    if !have_tools() {
        return;
    }
    let sources = sources();
    let said = sources.assert_output(
        &["check", "-I", "include", "dts/board.dts"],
        1,
        &[
            "RF201",
            "--> dts/soc.dtsi:10:4",
            "camera: camera@84300000 {",
            "reg = <0x0 CAMERA_BASE",
            "CAMERA_SIZE>;",
        ],
    );
    assert!(said.contains("10 | /             reg = <0x0 CAMERA_BASE"), "marked over both lines:\n{said}");
}

#[test]
fn the_source_may_come_through_a_pipe() {
    if !have_tools() {
        return;
    }
    let sources = sources();
    let mut command = sources.command(&["check", "-I", "include", "-I", "dts", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(BOARD.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("--> dts/soc.dtsi:10:4"), "{said}");
}

#[test]
fn what_the_command_line_says_has_no_place_in_the_source() {
    if !have_tools() {
        return;
    }
    let sources = sources();
    sources.put("plain.dts", "/dts-v1/;\n/ {\n\tchosen {\n\t\tbootargs = \"cma=1M@0x10\";\n\t};\n};\n");
    let own = sources.assert_output(&["check", "--format", "github", "plain.dts"], 1, &["RF502"]);
    assert!(own.contains("file=plain.dts,line=4,"), "{own}");
    let given = ["check", "--format", "github", "--cmdline", "cma=1M@0x20", "plain.dts"];
    sources.assert_output(&given, 1, &["::error file=plain.dts,title=RF502"]);
}

#[test]
fn a_missing_header_is_asked_for() {
    if !have_tools() {
        return;
    }
    let sources = sources();
    sources.assert_output(&["check", "dts/board.dts"], 2, &["cpp failed", "dt-bindings/board.h", "with -I"]);
    sources.put("dts/broken.dts", "/dts-v1/;\n/ { a = <1 };\n");
    sources.assert_output(&["check", "dts/broken.dts"], 2, &["dtc failed", "broken.dts:2"]);
}

#[test]
fn a_compiler_that_does_not_stop_complaining_is_cut_short() {
    if !have_tools() {
        return;
    }
    let sources = sources();
    sources.put("round.dts", "/dts-v1/;\n#include \"round.dts\"\n/ {};\n");
    let said = sources.assert_output(&["check", "round.dts"], 2, &["nested depth", "lines left out"]);
    assert!(said.lines().count() < 8, "{said}");
}

#[test]
fn what_bites_on_some_kernels_only_says_on_which() {
    if !have_tools() {
        return;
    }
    let sources = sources();
    let header = "#define CAMERA_BASE 0x84000000\n#define CAMERA_SIZE 0x7ffc00\n";
    sources.put("include/dt-bindings/board.h", header);
    let check = ["check", "--kernel", "6.1", "-I", "include", "dts/board.dts"];
    sources.assert_output(&check, 0, &["warning[RF207]", "= kernels: 5.4 to 6.6, 6.16 to 7.2\n"]);
    let github = [&check[..], &["--format", "github"]].concat();
    sources.assert_output(&github, 0, &["%0Akernels: 5.4 to 6.6, 6.16 to 7.2"]);
}

#[test]
fn the_configuration_knows_where_headers_are() {
    if !have_tools() {
        return;
    }
    let sources = sources();
    sources.put("ringfence.toml", "include = [\"include\"]\n");
    sources.assert_output(&["check", "dts/board.dts"], 1, &["--> dts/soc.dtsi:10:4"]);
}

#[test]
fn labels_in_a_policy_resolve_and_the_source_is_edited_as_the_policy_requires() {
    if !have_tools() {
        return;
    }
    let sources = sources();
    let args = ["-I", "include", "dts/board.dts"];
    sources.put("label.toml", "[[carveout]]\nlabel = \"camera\"\nsize = \"8 MiB\"\n");
    let checked = [&["check", "--policy", "label.toml"][..], &args].concat();
    sources.assert_output(&checked, 1, &["RF403", "/reserved-memory/camera@84300000"]);

    let fixed = [&["fix", "--unsafe", "-o", "dts/out.dts", "--policy", "label.toml"][..], &args].concat();
    sources.assert_output(&fixed, 0, &["shifted"]);
    let text = String::from_utf8(sources.read("dts/out.dts")).unwrap();
    // What the included file says with a macro is overridden, and the board's own node is edited.
    assert!(
        text.contains("&{/reserved-memory/camera@84300000} {\n\treg = <0x0 0x84300000 0x0 0x800000>;"),
        "{text}"
    );
    assert!(text.contains("modem@84b00000 { reg = <0x0 0x84b00000 0x0 0x1900000>; no-map; };"), "{text}");
    let checked = ["check", "--policy", "label.toml", "-I", "include", "dts/out.dts"];
    sources.assert_output(&checked, 0, &["clean"]);
}

/// Returns a blob with one carveout of this size, before another one.
fn blob(size: u32) -> Vec<u8> {
    let region =
        |name, base, size| NewNode::new(name).prop_cells("reg", &[0, base, 0, size]).prop_empty("no-map");
    let reserved = NewNode::new("reserved-memory")
        .prop_u32("#address-cells", 2)
        .prop_u32("#size-cells", 2)
        .prop_empty("ranges")
        .child(region("camera@84300000", 0x8430_0000, size))
        .child(region("modem@84800000", 0x8480_0000, 0x10_0000));
    let memory = NewNode::new("memory@40000000")
        .prop_str("device_type", "memory")
        .prop_cells("reg", &[0, 0x4000_0000, 1, 0]);
    let root = NewNode::new("").prop_u32("#address-cells", 2).prop_u32("#size-cells", 2);
    build(&root.child(memory).child(reserved), 0, &[]).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bundle(second: Vec<u8>, compression: &str) -> Vec<u8> {
    let image = |name, data: Vec<u8>, compression: &str| {
        NewNode::new(name).prop_str("type", "flat_dt").prop_str("compression", compression).prop("data", data)
    };
    let images = NewNode::new("images").child(image("fdt-1", blob(0x50_0000), "none")).child(image(
        "fdt-2",
        second,
        compression,
    ));
    let config = |name, fdt| NewNode::new(name).prop_str("fdt", fdt);
    let configurations =
        NewNode::new("configurations").child(config("conf-1", "fdt-1")).child(config("conf-2", "fdt-2"));
    build(&NewNode::new("").child(images).child(configurations), 0, &[]).unwrap()
}

#[test]
fn every_configuration_of_a_bundle_is_judged_under_its_name() {
    let sources = sources();
    sources.put("board.itb", bundle(blob(0x70_0000), "none"));
    let said =
        sources.assert_output(&["check", "board.itb"], 1, &["--> board.itb#conf-2", "1 error in 2 inputs"]);
    assert!(!said.contains("#conf-1"), "{said}");
    sources.put("board.itb", bundle(gzip(&blob(0x70_0000)), "gzip"));
    sources.assert_output(&["check", "board.itb"], 1, &["--> board.itb#conf-2"]);
    let refused = ["board.itb#conf-2: not repaired, nothing written"];
    sources.assert_output(&["fix", "board.itb", "-o", "out.itb"], 3, &refused);
    sources.assert_output(&["fix", "--unsafe", "board.itb", "-o", "out.itb"], 0, &["shifted"]);
    sources.assert_output(&["check", "out.itb"], 0, &["clean: 2 inputs"]);
    sources.assert_output(&["map", "board.itb"], 2, &["several device trees"]);
}

#[test]
fn a_damaged_bundle_is_told_by_its_configuration() {
    let sources = sources();
    sources.put("board.itb", bundle(vec![0; 64], "none"));
    sources.assert_output(&["check", "board.itb"], 2, &["board.itb#conf-2: not a device tree"]);
    sources.put("board.itb", bundle(vec![1; 64], "gzip"));
    sources.assert_output(&["check", "board.itb"], 2, &["board.itb#conf-2", "gzip"]);
}

#[test]
fn a_bundle_that_unpacks_without_end_is_refused() {
    let sources = sources();
    let bomb = gzip(&[&blob(0x50_0000)[..], &vec![0; 8 << 20]].concat());
    let image = NewNode::new("fdt-1").prop_str("compression", "gzip").prop("data", bomb);
    let mut configurations = NewNode::new("configurations");
    for number in 0..1000 {
        let config = NewNode::new(&format!("conf-{number}")).prop_str("fdt", "fdt-1");
        configurations = configurations.child(config);
    }
    let root = NewNode::new("").child(NewNode::new("images").child(image)).child(configurations);
    sources.put("bomb.itb", build(&root, 0, &[]).unwrap());
    sources.assert_output(&["check", "bomb.itb"], 2, &["bomb.itb: more than 64 MiB of device trees"]);
}

#[test]
fn a_file_is_read_whatever_it_is_called() {
    let sources = sources();
    // The kernel's own copy is a file without an extension.
    sources.put("fdt", blob(0x50_0000));
    sources.assert_output(&["check", "fdt"], 0, &["clean: 1 input"]);
    let live = Path::new("/sys/firmware/fdt");
    if live.exists() {
        assert_ne!(sources.run(&["check", "/sys/firmware/fdt"]).status.code(), Some(101), "no panic");
    }
}
