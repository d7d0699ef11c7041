//! Compiled overlays, alone, with their base and in bundles.

mod workdir;

use std::fs;

use ringfence::fdt::Tree;
use ringfence::fit::Fit;

use workdir::WorkDir;

const BASE: &[u8] = include_bytes!("../../tests/fixtures/carveouts.dtb");
const OVERLAY: &[u8] = include_bytes!("../../tests/fixtures/overlay.dtbo");

fn bench() -> WorkDir {
    let bench = WorkDir::new();
    bench.put("base.dtb", BASE);
    bench.put("more.dtbo", OVERLAY);
    bench
}

#[test]
fn an_overlay_alone_is_wrong_usage_whatever_the_command() {
    let bench = bench();
    for args in [
        &["check", "more.dtbo"][..],
        &["check", "base.dtb", "more.dtbo"],
        &["fix", "more.dtbo", "-o", "out.dtb"],
        &["map", "more.dtbo"],
    ] {
        let said = bench.assert_output(args, 2, &[]);
        assert!(said.contains("more.dtbo: an overlay alone has no memory map"), "{said}");
        assert!(said.contains("--base BASE.dtb"), "{said}");
    }
    assert!(!bench.path("out.dtb").exists());
}

#[test]
fn the_nodes_are_those_of_the_merged_tree() {
    let bench = bench();
    for args in [&["map", "--base", "base.dtb", "more.dtbo"], &["map", "--overlay", "more.dtbo", "base.dtb"]]
    {
        let map = bench.assert_output(args, 0, &[]);
        assert!(map.contains("/reserved-memory/second-camera@85000000"), "{map}");
        assert!(map.contains("/reserved-memory/camera@84300000"), "{map}");
    }
    let said = bench.assert_output(&["fix", "--base", "base.dtb", "more.dtbo", "-o", "out.dtb"], 0, &[]);
    assert!(said.contains("adsp-heap"), "the dynamic region is pinned: {said}");
    let out = bench.read("out.dtb");
    let tree = Tree::parse(&out).unwrap();
    let pool = tree.by_label("second_mem").unwrap();
    assert_eq!(pool.path(), "/reserved-memory/second-camera@85000000");
    let user = tree.find("/soc/camera@9200000").unwrap().prop("memory-region").unwrap();
    assert_eq!(user.cells().next(), pool.phandle());
}

#[test]
fn what_cannot_be_applied_is_named_and_nothing_is_written() {
    let bench = bench();
    bench.put("cut.dtbo", &OVERLAY[..200]);
    let again = ["fix", "--base", "base.dtb", "--overlay", "cut.dtbo", "more.dtbo", "-o", "out.dtb"];
    assert!(bench.assert_output(&again, 2, &[]).contains("cut.dtbo: totalsize"));
    assert!(
        bench
            .assert_output(&["check", "--base", "none.dtb", "more.dtbo"], 2, &[])
            .contains("none.dtb: no such file")
    );
    assert!(
        bench
            .assert_output(&["check", "--base", "more.dtbo", "more.dtbo"], 2, &[])
            .contains("overlay itself")
    );
    assert!(!bench.path("out.dtb").exists());
}

#[test]
fn a_bundle_carries_overlays_and_is_judged_with_them() {
    let bench = bench();
    let mut kernel = vec![0; 0x1000];
    kernel[0x10..0x18].copy_from_slice(&0x2000_u64.to_le_bytes());
    kernel[0x18..0x20].copy_from_slice(&0xa_u64.to_le_bytes());
    kernel[0x38..0x3c].copy_from_slice(b"ARM\x64");
    bench.put("Image", kernel);
    let pack = ["pack", "--kernel", "Image", "--dtb", "base.dtb", "--overlay", "more.dtbo", "-o", "out.itb"];
    let said = bench.assert_output(&pack, 0, &[]);
    assert!(said.contains("overlays"), "{said}");
    let bundle = bench.read("out.itb");
    let config = Fit::parse(&bundle).unwrap().select(&[]).unwrap();
    assert_eq!(config.fdt.unwrap().data, BASE);
    assert_eq!(config.overlays.iter().map(|image| image.data).collect::<Vec<_>>(), [OVERLAY]);
    let map = bench.assert_output(&["map", "out.itb"], 0, &[]);
    assert!(map.contains("/reserved-memory/second-camera@85000000"), "{map}");
    fs::write(bench.path("other.dtb"), {
        let root = ringfence::fdt::NewNode::new("").child(ringfence::fdt::NewNode::new("reserved-memory"));
        ringfence::fdt::build(&root, 0, &[]).unwrap()
    })
    .unwrap();
    let pack = ["pack", "--kernel", "Image", "--dtb", "other.dtb", "--overlay", "more.dtbo", "-o", "no.itb"];
    assert!(bench.assert_output(&pack, 2, &[]).contains("more.dtbo: /__fixups__"));
    let pack = ["pack", "--kernel", "Image", "--overlay", "more.dtbo", "-o", "no.itb"];
    assert!(bench.assert_output(&pack, 2, &[]).contains("--dtb"));
    assert!(!bench.path("no.itb").exists());
}
