//! The drawing and the page, byte for byte, and the documents by their schema. `TRYCMD=overwrite cargo test
//! -p ringfence-cli --test picture` takes a change over; look at the pictures before committing them.

mod tools;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ringfence::fdt::{NewNode, build};

use tools::have_dtc;

/// Returns a camera that grew into its neighbour, a page for a mailbox, a pool that the kernel places, and a
/// far bank.
fn board() -> Vec<u8> {
    let memory = NewNode::new("memory@40000000")
        .prop_str("device_type", "memory")
        .prop_cells("reg", &[0, 0x4000_0000, 0, 0x4000_0000, 8, 0x8000_0000, 0, 0x8000_0000]);
    let region = |name: &str, base, size| NewNode::new(name).prop_cells("reg", &[0, base, 0, size]);
    let pool = NewNode::new("heap").prop_str("compatible", "shared-dma-pool").prop_empty("reusable");
    let reserved = NewNode::new("reserved-memory")
        .prop_u32("#address-cells", 2)
        .prop_u32("#size-cells", 2)
        .prop_empty("ranges")
        .child(region("camera@50000000", 0x5000_0000, 0xa0_0000).prop_empty("no-map"))
        .child(region("modem@50800000", 0x5080_0000, 0x190_0000).prop_empty("no-map"))
        .child(region("mail<box>&@60000000", 0x6000_0000, 0x1000))
        .child(pool.prop_cells("size", &[0, 0x80_0000]));
    let root = NewNode::new("").prop_u32("#address-cells", 2).prop_u32("#size-cells", 2);
    build(&root.child(memory).child(reserved), 0, &[]).unwrap()
}

fn run(dir: &Path, args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ringfence")).args(args).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn is_written_down(name: &str, found: &str) {
    is_in(Path::new("tests/picture"), name, found);
}

#[track_caller]
fn is_in(directory: &Path, name: &str, found: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(directory).join(name);
    if std::env::var("TRYCMD").is_ok_and(|word| word == "overwrite") {
        fs::write(&path, found).unwrap();
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    let differs = wanted.lines().zip(found.lines()).position(|(a, b)| a != b);
    assert!(wanted == found, "{name} is another one, first in line {differs:?} (from 0)");
}

#[test]
fn pictures_are_what_they_were_and_the_same_every_time() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("board.dtb"), board()).unwrap();
    for (name, args) in [
        ("board.svg", &["map", "--format", "svg", "--free", "board.dtb"][..]),
        ("fixed.svg", &["map", "--format", "svg", "--fix", "--unsafe", "board.dtb"]),
        ("fixed.html", &["map", "--format", "html", "--fix", "--unsafe", "board.dtb"]),
    ] {
        let found = run(dir.path(), args);
        assert_eq!(run(dir.path(), args), found, "{name}");
        is_written_down(name, &found);
    }
}

#[test]
fn a_repair_that_is_not_permitted_leaves_one_map_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("board.dtb"), board()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ringfence"))
        .args(["map", "--format", "svg", "--fix", "board.dtb"])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("`fix` cannot repair it: RF201"));
    assert!(!String::from_utf8_lossy(&output.stdout).contains("after fix"));
}

#[test]
fn documents_conform_to_their_schema() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("board.dtb"), board()).unwrap();
    let fixed = ["fix", "--unsafe", "board.dtb", "-o", "fixed.dtb"];
    run(dir.path(), &fixed);
    for (directory, file) in [("old", "board.dtb"), ("new", "fixed.dtb")] {
        fs::create_dir(dir.path().join(directory)).unwrap();
        fs::copy(dir.path().join(file), dir.path().join(directory).join("board.dtb")).unwrap();
    }
    let schema = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/schema/maps.schema.json");
    let schema = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    for (args, wanted) in [
        (&["map", "--free", "--fix", "--unsafe", "board.dtb"][..], "/inputs/0/fixed/free/0"),
        (&["map", "board.dtb"], "/inputs/0/collisions/0/nodes/1"),
        (&["diff", "board.dtb", "fixed.dtb"], "/changes/0"),
        (&["diff", "old", "new"], "/boards/0/changes/0"),
        (&["headroom", "board.dtb"], "/headroom/0/limit_node"),
        (&["plan", "--kernel-size", "40MiB", "--initrd-size", "9MiB", "fixed.dtb"], "/uboot/ramdisk_addr_r"),
    ] {
        let document =
            serde_json::from_str(&run(dir.path(), &[args, &["--format", "json"]].concat())).unwrap();
        let faults: Vec<String> = validator.iter_errors(&document).map(|fault| fault.to_string()).collect();
        assert_eq!(faults, [""; 0], "{args:?}");
        assert!(document.pointer(wanted).is_some(), "{args:?}: no {wanted}");
    }
    let wrong = serde_json::json!({"schema": 1, "path": "b.dtb", "headroom": [{"node": "kernel"}]});
    assert!(!validator.is_valid(&wrong), "the schema holds nothing");
}

/// The pictures of the README: its board's map before and after a repair, and the check in a terminal.
#[test]
fn the_readme_shows_what_the_tool_draws_and_prints() {
    if !have_dtc() {
        return;
    }
    let images = Path::new("../docs/images");
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("board.dts"), include_str!("book/board.dts")).unwrap();
    let map = run(dir.path(), &["map", "--fix", "--unsafe", "--format", "svg", "board.dts"]);
    is_in(images, "board.svg", &map);
    let mut check = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    check.args(["--color", "always", "check", "board.dts"]).env_remove("COLUMNS").current_dir(dir.path());
    let output = check.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let typed = format!("$ ringfence check board.dts\n{}", String::from_utf8(output.stdout).unwrap());
    is_in(images, "check.svg", &anstyle_svg::Term::new().render_svg(&typed));
}

#[test]
fn two_trees_are_drawn_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("old.dtb"), board()).unwrap();
    let fixed = Command::new(env!("CARGO_BIN_EXE_ringfence"))
        .args(["fix", "--no-config", "--unsafe", "old.dtb", "-o", "new.dtb"])
        .current_dir(&dir)
        .output()
        .unwrap();
    assert!(fixed.status.success(), "{}", String::from_utf8_lossy(&fixed.stderr));
    for format in ["svg", "html"] {
        let text = run(dir.path(), &["diff", "--no-config", "--format", format, "old.dtb", "new.dtb"]);
        for words in ["before the change", "after the change", "old.dtb and new.dtb"] {
            assert!(text.contains(words), "{format}: no `{words}`");
        }
        assert!(!text.contains("after fix") && !text.contains("<h2>Repairs</h2>"), "{format}");
    }
    let directories = Command::new(env!("CARGO_BIN_EXE_ringfence"))
        .args(["diff", "--format", "svg", ".", "."])
        .current_dir(&dir)
        .output()
        .unwrap();
    assert_eq!(directories.status.code(), Some(2));
}
