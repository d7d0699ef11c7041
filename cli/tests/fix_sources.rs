//! `fix` changes the bytes of a source that must change, and no others: line ends, encodings and references
//! stay, and the diff is a patch that applies.

mod tools;
mod workdir;

use std::io::Write;
use std::process::{Command, Stdio};

use tools::have_dtc;
use workdir::WorkDir;

/// Nodes whose repairs rename, move, pin and add.
const SOURCE: &str = "/dts-v1/;
// caf\u{e9}
/ {
    #address-cells = <2>;
    #size-cells = <2>;
    aliases { ring = &second; };
    memory@80000000 { device_type = \"memory\"; reg = <0x0 0x80000000 0x0 0x40000000>; };
    reserved-memory {
        #address-cells = <2>;
        #size-cells = <2>;
        vring@0 { reg = <0x0 0x90000000 0x0 0x8000>; no-map; }; /* \u{e9}t\u{e9} */
        second: vring@1 { reg = <0x0 0x90008000 0x0 0x8000>; no-map; };
        vring@90000000 { reg = <0x0 0x90010000 0x0 0x8000>; no-map; };
        dsp@a0000000 { reg = <0x0 0xa0000000 0x0 0x300000>; no-map; };
        gpu@a0200000 {
            reg = <0x0 0xa0200000 0x0 0x100000>;
            no-map;
        };
        pool { compatible = \"shared-dma-pool\"; reusable; size = <0x0 0x1000000>; };
    };
};
";

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

fn patched(dir: &WorkDir, name: &str, patch: &[u8]) -> Vec<u8> {
    let mut child = Command::new("patch")
        .args(["-s", "-p1", "--binary"])
        .current_dir(dir.dir())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(patch).unwrap();
    assert!(child.wait().unwrap().success(), "{name}: {}", String::from_utf8_lossy(patch));
    dir.read(name)
}

#[test]
fn every_line_end_and_encoding_stays_and_the_diff_is_a_patch() {
    if !have_dtc() || Command::new("patch").arg("-v").output().is_err() {
        return;
    }
    let crlf = SOURCE.replace('\n', "\r\n");
    let forms = [
        ("utf8.dts", SOURCE.as_bytes().to_vec()),
        ("latin.dts", latin1(SOURCE)),
        ("crlf.dts", crlf.clone().into_bytes()),
        ("latin-crlf.dts", latin1(&crlf)),
        ("mark.dts", [b"\xef\xbb\xbf", SOURCE.as_bytes()].concat()),
        (
            "mark-one-line.dts",
            format!("\u{feff}{}", SOURCE.replace("// caf\u{e9}", "").replace('\n', " ")).into(),
        ),
        ("no-end.dts", SOURCE.trim_end().into()),
        ("tabs and blanks.dts", SOURCE.replace("    ", "\t").into()),
    ];
    for (name, before) in forms {
        let dir = WorkDir::new();
        dir.put(name, &before);
        let diff = dir.run(&["fix", "--unsafe", "--diff", name]);
        assert_eq!(diff.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&diff.stderr));
        assert_eq!(dir.read(name), before);
        dir.assert_output(&["fix", "--unsafe", name, "-o", "fixed.dts"], 0, &["renamed to `vring@90008000`"]);
        let after = dir.read("fixed.dts");
        let at = diff.stdout.windows(6).position(|window| window == b"--- a/").expect("a patch");
        assert_eq!(patched(&dir, name, &diff.stdout[at..]), after, "{name}");
        dir.assert_output(&["check", "--fail-on", "note", "fixed.dts"], 0, &[]);

        let count = |text: &[u8], word: &[u8]| text.windows(word.len()).filter(|&it| it == word).count();
        if count(&before, b"\r\n") > 0 {
            assert_eq!(count(&after, b"\n"), count(&after, b"\r\n"), "{name}: line ends are mixed");
        } else {
            assert_eq!(count(&after, b"\r"), 0, "{name}");
        }
        let special = |text: &[u8]| text.iter().copied().filter(|byte| !byte.is_ascii()).collect::<Vec<_>>();
        assert_eq!(special(&before), special(&after), "{name}");
        assert_eq!(count(&after, b"ring = &second"), 1, "{name}: a reference stays one");
    }
}

#[test]
fn nodes_of_one_base_name_get_their_own_names() {
    if !have_dtc() {
        return;
    }
    let dir = WorkDir::new();
    dir.put("board.dts", SOURCE);
    dir.assert_output(&["fix", "--unsafe", "board.dts", "-o", "fixed.dts"], 0, &[]);
    let fixed = String::from_utf8(dir.read("fixed.dts")).unwrap();
    for line in [
        "vring@90000000 { reg = <0x0 0x90000000",
        "second: vring@90008000 { reg = <0x0 0x90008000",
        "vring@90010000 { reg = <0x0 0x90010000",
    ] {
        assert!(fixed.contains(line), "no `{line}` in {fixed}");
    }
}

#[test]
fn a_long_value_is_edited_whole() {
    if !have_dtc() {
        return;
    }
    let dir = WorkDir::new();
    let args: String = (0..40).map(|number| format!("quirk{number}=0x1,0x2 ")).collect();
    let chosen = format!("    chosen {{ bootargs = \"{args}cma=24M@0xa0100000\"; }};\n    aliases");
    dir.put("board.dts", SOURCE.replacen("    aliases", &chosen, 1));
    dir.assert_output(&["fix", "--unsafe", "board.dts", "-o", "fixed.dts"], 0, &["cma="]);
    let fixed = String::from_utf8(dir.read("fixed.dts")).unwrap();
    assert!(fixed.contains("quirk39=0x1,0x2 cma=") && !fixed.contains("bytes in all"), "{fixed}");
}

#[test]
fn what_another_kernel_needs_is_repaired_too() {
    if !have_dtc() {
        return;
    }
    let dir = WorkDir::new();
    // 6.1 maps the partial pages of a carveout, 6.12 does not.
    let odd = SOURCE.replace(
        "vring@1 { reg = <0x0 0x90008000 0x0 0x8000>",
        "vring@90008800 { reg = <0x0 0x90008800 0x0 0x7000>",
    );
    dir.put("board.dts", odd);
    let fix = ["fix", "--unsafe", "board.dts", "-o", "fixed.dts"];
    let check = ["check", "--fail-on", "note", "--kernel", "6.1", "fixed.dts"];
    dir.assert_output(&[&fix[..], &["--kernel", "6.12"]].concat(), 0, &[]);
    dir.assert_output(&check, 1, &["RF207"]);
    for kernels in [["6.12", "6.1"], ["6.1", "6.12"]] {
        let both = [&fix[..], &["--kernel", kernels[0], "--kernel", kernels[1]]].concat();
        dir.assert_output(&both, 0, &["repaired /reserved-memory/vring@90008800"]);
        dir.assert_output(&check, 0, &[]);
    }
}
