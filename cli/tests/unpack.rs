//! `show` and `unpack`: what was packed comes out again, and nothing that is damaged does.

mod workdir;

use std::fs;
use std::path::Path;

use ringfence::fdt::{NewNode, build};
use serde_json::Value;
use sha2::{Digest, Sha256};

use workdir::WorkDir;

/// Returns a bundle with everything that a bundle can hold, and a stage with it after.
fn bench() -> WorkDir {
    let bench = WorkDir::new();
    let root = NewNode::new("").prop_str("compatible", "acme,one").child(NewNode::new("__symbols__"));
    let target = NewNode::new("fragment@0").prop_str("target-path", "/");
    let overlay = NewNode::new("").child(target.child(NewNode::new("__overlay__").prop_u32("more", 1)));
    bench.put("Image", image(0x2_0000));
    bench.put("ringfence.img", image(0x10_0000));
    bench.put("initrd", b"an initial ramdisk");
    bench.put("board.dtb", build(&root, 0, &[]).unwrap());
    bench.put("more.dtbo", build(&overlay, 0, &[]).unwrap());
    bench.put("board.toml", "mode = \"audit\"\n");
    for (output, further) in [("board.itb", &[][..]), ("whole.img", &["--append-to", "ringfence.img"])] {
        let parts = ["--initrd", "initrd", "--dtb", "board.dtb", "--overlay", "more.dtbo"];
        let pack = ["pack", "--kernel", "Image", "--policy", "board.toml", "-o", output];
        bench.assert_output(&[&pack, &parts[..], further].concat(), 0, &[]);
    }
    bench
}

/// Returns what `show` tells programs, which is as its schema has it.
fn json(bench: &WorkDir, bundle: &str) -> Value {
    let shown = bench.run(&["show", "--format", "json", bundle]).stdout;
    let shown = serde_json::from_slice(&shown).unwrap();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema/bundle.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    let errors: Vec<String> = jsonschema::draft7::new(&schema)
        .unwrap()
        .iter_errors(&shown)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    shown
}

/// Returns an arm64 `Image` of 64 KiB that takes this many bytes when it runs.
fn image(size: u64) -> Vec<u8> {
    let mut image: Vec<u8> = (0..0x1_0000_u32).map(|i| ((i * 31) >> 3) as u8).collect();
    image[0x08..0x10].fill(0);
    image[0x10..0x18].copy_from_slice(&size.to_le_bytes());
    image[0x18..0x20].copy_from_slice(&0xa_u64.to_le_bytes());
    image[0x38..0x3c].copy_from_slice(b"ARM\x64");
    image
}

#[test]
fn what_was_packed_comes_out_again_alone_or_from_behind_a_stage() {
    let bench = bench();
    for (file, directory) in [("board.itb", "one"), ("whole.img", "two")] {
        bench.assert_output(&["unpack", file, "-o", directory], 0, &["Image (65536 bytes)"]);
        let part = |name: &str| fs::read(bench.path(directory).join(name)).unwrap();
        let pairs = [
            ("Image", "Image"),
            ("initrd.img", "initrd"),
            ("board.dtb", "board.dtb"),
            ("overlay-1.dtbo", "more.dtbo"),
        ];
        for (out, original) in pairs {
            assert_eq!(part(out), fs::read(bench.path(original)).unwrap(), "{file}: {out}");
        }
        let policy = Path::new(directory).join("board.policy");
        bench.assert_output(&["policy", "show", policy.to_str().unwrap()], 0, &["mode = \"audit\""]);
        assert_eq!(fs::read_dir(bench.path(directory)).unwrap().count(), 5);
        bench.assert_output(&["unpack", file, "-o", directory], 2, &["exists already"]);
    }
    bench.assert_output(
        &["unpack", "board.itb", "-o", "x", "--configuration", "conf1"],
        2,
        &["did you mean `conf-1`?"],
    );
    bench.assert_output(&["unpack", "board.itb", "-o", "x", "--configuration", "conf-1"], 0, &[]);
}

#[test]
fn a_bundle_is_shown_to_people_and_to_programs() {
    let bench = bench();
    let words =
        ["conf-1 (default)\n", "65536 bytes  kernel  kernel: sha256 ok\n", " overlay overlay-1: sha256 ok\n"];
    bench.assert_output(&["show", "board.itb"], 0, &words);
    bench.assert_output(
        &["show", "whole.img"],
        0,
        &["appended to a stage, at offset 0x100000 of the file\n"],
    );
    let shown = json(&bench, "whole.img");
    assert_eq!((&shown["offset"], &shown["configurations"][0]["default"]), (&0x10_0000.into(), &true.into()));
    let images = shown["configurations"][0]["images"].as_array().unwrap();
    let roles: Vec<&str> = images.iter().map(|image| image["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["kernel", "initrd", "policy", "dtb", "overlay"]);
    assert!(images.iter().all(|image| image["hashes"] == serde_json::json!(["sha256"])));
}

#[test]
fn of_a_damaged_bundle_nothing_is_unpacked() {
    let bench = bench();
    let mut bytes = fs::read(bench.path("board.itb")).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    bench.put("damaged.itb", bytes);
    let shown = json(&bench, "damaged.itb");
    let images = shown["configurations"][0]["images"].as_array().unwrap();
    assert_eq!(images.iter().filter(|image| image.get("error").is_some()).count(), 1, "{shown}");
    let shown = bench.assert_output(&["show", "damaged.itb"], 2, &["ramdisk: ", "kernel: sha256 ok"]);
    assert!(!shown.contains("ramdisk: sha256 ok"), "{shown}");
    bench.assert_output(&["unpack", "damaged.itb", "-o", "out"], 2, &["damaged.itb: ", "ramdisk"]);
    assert!(!bench.path("out").exists());
    for wrong in ["board.dtb", "Image", "initrd", "missing"] {
        bench.assert_output(&["show", wrong], 2, &["error: ", wrong]);
        bench.assert_output(&["unpack", wrong, "-o", "out"], 2, &["error: ", wrong]);
    }
}

/// Hashes that are right make no bundle that the stage boots: each image is judged as it does.
#[test]
fn what_the_stage_would_refuse_is_shown_with_the_reason() {
    let bench = WorkDir::new();
    let shown = |changes: &[(&str, &str, &[u8])], code: i32, words: &[&str]| {
        let node = |name: &str, label: &str, data: &[u8]| {
            let change = changes.iter().find(|(of, ..)| *of == name);
            let (label, data) = change.map_or((label, data), |&(_, label, data)| (label, data));
            let digest = Sha256::digest(data).to_vec();
            let hash = NewNode::new("hash-1").prop_str("algo", "sha256").prop("value", digest);
            NewNode::new(name).prop("data", data).prop_str("compression", label).child(hash)
        };
        let images = NewNode::new("images")
            .child(node("kernel", "none", &image(0x2_0000)))
            .child(node("ramdisk-1", "none", b"070701"))
            .child(node("ramdisk-2", "none", b"070701"))
            .child(node("fdt", "none", &build(&NewNode::new(""), 0, &[]).unwrap()));
        let conf = NewNode::new("conf-1")
            .prop_str("kernel", "kernel")
            .prop_strs("ramdisk", &["ramdisk-1", "ramdisk-2"])
            .prop_str("fdt", "fdt");
        let root = NewNode::new("").child(images).child(NewNode::new("configurations").child(conf));
        bench.put("other.itb", build(&root, 0, &[]).unwrap());
        bench.assert_output(&["show", "other.itb"], code, words);
        json(&bench, "other.itb")["configurations"][0].clone()
    };
    let plain = shown(&[], 0, &["not used: ramdisk-2, because a ramdisk is before it"]);
    assert_eq!(plain["unused_ramdisks"], serde_json::json!(["ramdisk-2"]));
    // Linux unpacks its ramdisk.
    let lz4 = shown(&[("ramdisk-1", "lz4", b"\x04\x22\x4d\x18")], 0, &["ramdisk-1 lz4: sha256 ok"]);
    assert_eq!(lz4["images"][1]["compression"], "lz4");
    shown(&[("kernel", "gzip", b"\x1f\x8b\x08 and so on")], 0, &["kernel gzip: sha256 ok"]);
    shown(
        &[("kernel", "lz4", b"x")],
        2,
        &["kernel lz4: image `kernel`: compression `lz4` cannot be unpacked"],
    );
    shown(&[("kernel", "none", b"\xfd7zXZ\0 and so on")], 2, &["an xz file, not an arm64 Image"]);
    shown(
        &[("fdt", "gzip", b"\x1f\x8b\x08")],
        2,
        &["image fdt is packed with gzip, and only kernels may be"],
    );
}
