//! No command overwrites a file that it has read, however the file came in and whatever it is called.

mod tools;
mod workdir;

use std::fs;
use std::os::unix::fs::symlink;

use ringfence::fdt::{NewNode, build};

use tools::have_dtc;
use workdir::WorkDir;
use workdir::board::{kernel, tree};

/// What is read, and the arguments with which it is. `OUT` is where the command writes.
type Row = (&'static str, &'static str);

/// Options that `check` and `fix` share.
const SHARED: &[Row] = &[
    ("board.dtb", "board.dtb"),
    ("policy.toml", "--policy policy.toml board.dtb"),
    ("efi.txt", "--efi-map efi.txt board.dtb"),
    ("config", "--kernel-config config board.dtb"),
    ("Image", "--boot-map kernel=0x50000000:@Image board.dtb"),
    ("initrd", "--boot-map initrd=0x60000000:@initrd board.dtb"),
    ("board.itb", "--bundle 0x70000000:@board.itb --boot-map stage=0x50000000:1M board.dtb"),
    ("board.dtb", "--loader-dtb board.dtb other.dtb"),
    ("board.dtb", "--base board.dtb one.dtbo"),
    ("one.dtbo", "--base board.dtb one.dtbo"),
    ("one.dtbo", "--overlay one.dtbo board.dtb"),
    ("project.toml", "--config project.toml board.dtb"),
    // Found, not named.
    ("found/ringfence.toml", "found/board.dtb"),
    ("found/rules.toml", "found/board.dtb"),
    ("found/Image", "found/board.dtb"),
];

/// Sources, which need the compilers.
const SOURCES: &[Row] = &[
    ("a.dts", "a.dts"),
    ("soc.dtsi", "a.dts"),
    ("include/pins.h", "-I include a.dts"),
    ("blank soc.dtsi", "b.dts"),
    ("logo.bin", "b.dts"),
    ("a.dts", "--base a.dts one.dtbo"),
];

const CHECK: &[Row] = &[
    ("adsp.elf", "--firmware adsp.elf=/reserved-memory/modem@84800000 board.dtb"),
    ("known.json", "--baseline known.json board.dtb"),
];

const OTHERS: &[Row] = &[
    ("Image", "pack --kernel Image -o OUT"),
    ("initrd", "pack --kernel Image --initrd initrd -o OUT"),
    ("board.dtb", "pack --kernel Image --dtb board.dtb -o OUT"),
    ("one.dtbo", "pack --kernel Image --dtb board.dtb --overlay one.dtbo -o OUT"),
    ("policy.toml", "pack --kernel Image --policy policy.toml -o OUT"),
    ("policy.toml", "policy build policy.toml -o OUT"),
    ("board.dtb", "policy init board.dtb --force -o OUT"),
    ("board.dtb", "check board.dtb --write-baseline --baseline OUT"),
    ("policy.toml", "check --policy policy.toml board.dtb --write-baseline --baseline OUT"),
];

const EFI_MAP: &str = "\
Type      Start            End              # Pages          Attributes
Available 0000000040000000-00000000842FFFFF 0000000000044300 000000000000000F
Reserved  0000000084300000-00000000860FFFFF 0000000000001E00 000000000000000F
Available 0000000086100000-00000000FFFFFFFF 0000000000079F00 000000000000000F
";

fn overlay() -> Vec<u8> {
    let change = NewNode::new("__overlay__").prop_str("model", "other");
    let fragment = NewNode::new("fragment@0").prop_str("target-path", "/").child(change);
    build(&NewNode::new("").child(fragment), 0, &[]).unwrap()
}

/// Returns an ELF file with one segment in the modem's region.
fn elf() -> Vec<u8> {
    let mut out = b"\x7fELF\x01\x01\x01".to_vec();
    out.resize(16, 0);
    let mut halves = |list: &[u16]| list.iter().for_each(|half| out.extend(half.to_le_bytes()));
    halves(&[2, 164, 1, 0, 0, 0, 52, 0, 0, 0, 0, 0, 52, 32, 1, 0, 0, 0]);
    for word in [1, 0, 0x8480_0000, 0x8480_0000, 0, 0x1000, 4, 4_u32] {
        out.extend(word.to_le_bytes());
    }
    out
}

fn project() -> WorkDir {
    let dir = WorkDir::new();
    for name in ["board.dtb", "other.dtb", "found/board.dtb"] {
        dir.put(name, tree(0x50_0000));
    }
    dir.put("policy.toml", "mode = \"fix\"\n");
    dir.put("found/rules.toml", "mode = \"fix\"\n");
    dir.put("efi.txt", EFI_MAP);
    dir.put("config", "CONFIG_ARM64=y\n");
    dir.put("Image", kernel());
    dir.put("found/Image", kernel());
    dir.put("initrd", "an initial ramdisk");
    dir.put("one.dtbo", overlay());
    dir.put("adsp.elf", elf());
    dir.put("project.toml", "kernels = [\"6.6\"]\n");
    dir.put(
        "found/ringfence.toml",
        "[[board]]\npolicy = \"rules.toml\"\n[board.boot-map]\nkernel = \"0x50000000:@Image\"\n",
    );
    dir.assert_output(&["pack", "--kernel", "Image", "--dtb", "board.dtb", "-o", "board.itb"], 0, &[]);
    dir.assert_output(&["check", "--baseline", "known.json", "--write-baseline", "board.dtb"], 0, &[]);
    dir.put("include/pins.h", "#define BASE 0x84300000\n");
    dir.put("soc.dtsi", "/ { model = \"soc\"; };\n");
    dir.put("blank soc.dtsi", "/ { model = \"soc\"; };\n");
    dir.put("logo.bin", "logo");
    let body = "/ { #address-cells = <2>; #size-cells = <2>;\n memory@40000000 { device_type = \"memory\"; \
                reg = <0 0x40000000 0 0x80000000>; };\n};\n";
    dir.put("a.dts", format!("/dts-v1/;\n#ifdef NEVER\n#endif\n#include \"soc.dtsi\"\n{body}"));
    dir.put("include/c.h", "");
    dir.put(
        "b.dts",
        format!("/dts-v1/;\n/include/ \"blank soc.dtsi\"\n{body}/ {{ logo = /incbin/(\"logo.bin\"); }};\n"),
    );
    dir
}

/// Runs a command that writes over what it reads, under three names of it.
#[track_caller]
fn refused(dir: &WorkDir, file: &str, line: &str) {
    let before = dir.read(file);
    let (hard, soft) = (dir.path("hard"), dir.path("soft"));
    let _ = (fs::remove_file(&hard), fs::remove_file(&soft));
    fs::hard_link(dir.path(file), &hard).unwrap();
    symlink(dir.path(file), &soft).unwrap();
    for out in [file, &format!("./{file}"), "hard", "soft"] {
        let args: Vec<String> = line.split(' ').map(|word| word.replace("OUT", out)).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let output = dir.run(&args);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(dir.read(file) == before, "{args:?}: {file} was overwritten: {text}");
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
        let name = format!("{out}: this is ");
        assert!(text.contains(&name) || text.contains("not a baseline"), "{args:?}: {text}");
    }
}

#[test]
fn no_input_is_overwritten_however_it_was_named_or_found() {
    let dir = project();
    for (file, args) in SHARED {
        refused(&dir, file, &format!("check -o OUT {args}"));
        refused(&dir, file, &format!("check --format json -o OUT {args}"));
        refused(&dir, file, &format!("fix -o OUT {args}"));
    }
    for (file, args) in CHECK {
        refused(&dir, file, &format!("check -o OUT {args}"));
    }
    for (file, line) in OTHERS {
        refused(&dir, file, line);
    }
    dir.assert_output(&["fix", "board.dtb", "-o", "board.dtb"], 2, &["use --in-place to overwrite INPUT"]);
    dir.assert_output(&["fix", "board.dtb", "-o", "new.dtb"], 0, &[]);
    dir.assert_output(&["check", "-o", "new.txt", "board.dtb"], 0, &[]);
    dir.assert_output(&["check", "-o", "new.txt", "board.dtb"], 0, &[]);
    dir.assert_output(&["check", "--baseline", "known.json", "--write-baseline", "board.dtb"], 0, &[]);
}

#[test]
fn no_part_of_a_source_is_overwritten() {
    if !have_dtc() {
        return;
    }
    let dir = project();
    dir.put("a.dts", String::from_utf8(dir.read("a.dts")).unwrap() + "#include <pins.h>\n");
    for (file, args) in SOURCES {
        let args = if args.contains("a.dts") && !args.contains("-I") {
            format!("-I include {args}")
        } else {
            (*args).to_owned()
        };
        refused(&dir, file, &format!("check -o OUT {args}"));
        refused(&dir, file, &format!("fix -o OUT {args}"));
    }
    let file = fs::File::open(dir.path("b.dts")).unwrap();
    let piped = dir.command(&["fix", "-", "-o", "b.dts"]).stdin(file).output().unwrap();
    let text = String::from_utf8_lossy(&piped.stderr).into_owned();
    assert!(piped.status.code() == Some(2) && text.contains("same file as the input stdin"), "{text}");
}

#[test]
fn a_failed_run_leaves_what_was_there() {
    let dir = project();
    dir.put("report.txt", "of yesterday");
    dir.put("known.json", dir.read("known.json"));
    let known = dir.read("known.json");
    for line in ["check gone.dtb -o report.txt", "check --format concise gone.dtb -o report.txt"] {
        let args: Vec<&str> = line.split(' ').collect();
        dir.assert_output(&args, 2, &["gone.dtb: no such file", "report.txt: not written"]);
        assert_eq!(dir.read("report.txt"), b"of yesterday");
    }
    dir.assert_output(
        &["check", "gone.dtb", "board.dtb", "--baseline", "known.json", "--write-baseline"],
        2,
        &["known.json: not written"],
    );
    assert_eq!(dir.read("known.json"), known);
    // A document lists what cannot be read.
    dir.assert_output(&["check", "--format", "json", "gone.dtb", "-o", "report.txt"], 2, &[]);
    assert!(String::from_utf8(dir.read("report.txt")).unwrap().contains("no such file"));
}
