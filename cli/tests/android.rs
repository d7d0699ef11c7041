//! Images of Android boards as inputs: boot images, vendor boot images and tables of trees.

mod workdir;

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use ringfence::fdt::{NewNode, build};
use workdir::WorkDir;

const BASE: &[u8] = include_bytes!("../../tests/fixtures/carveouts.dtb");
const OVERLAY: &[u8] = include_bytes!("../../tests/fixtures/overlay.dtbo");

/// Returns a tree with two carveouts, of which the first has this size.
fn tree(size: u32) -> Vec<u8> {
    let region =
        |name, base, size| NewNode::new(name).prop_cells("reg", &[0, base, 0, size]).prop_empty("no-map");
    let cells = |node: NewNode| node.prop_u32("#address-cells", 2).prop_u32("#size-cells", 2);
    let reserved = cells(NewNode::new("reserved-memory"))
        .prop_empty("ranges")
        .child(region("camera@84300000", 0x8430_0000, size))
        .child(region("modem@84800000", 0x8480_0000, 0x10_0000));
    let memory = NewNode::new("memory@40000000").prop_str("device_type", "memory");
    let memory = memory.prop_cells("reg", &[0, 0x4000_0000, 1, 0]);
    build(&cells(NewNode::new("")).child(memory).child(reserved), 0, &[]).unwrap()
}

fn words(header: &mut Vec<u8>, at: usize, values: &[usize]) {
    header.resize(header.len().max(at + 4 * values.len()), 0);
    for (slot, &value) in header[at..].chunks_exact_mut(4).zip(values) {
        slot.copy_from_slice(&(value as u32).to_le_bytes());
    }
}

/// Puts parts after a header, each on a page of its own.
fn pages(mut out: Vec<u8>, page: usize, parts: &[&[u8]]) -> Vec<u8> {
    for part in parts {
        out.resize(out.len().next_multiple_of(page), 0);
        out.extend(*part);
    }
    out.resize(out.len().next_multiple_of(page), 0);
    out
}

fn boot(version: usize, kernel: &[u8], dtb: &[u8]) -> Vec<u8> {
    let mut header = b"ANDROID!".to_vec();
    if version >= 3 {
        words(&mut header, 8, &[kernel.len(), 5, 0, 1580]);
        words(&mut header, 40, &[version]);
        header.resize(1580, 0);
        return pages(header, 4096, &[kernel, b"cpio!"]);
    }
    words(&mut header, 8, &[kernel.len(), 0, 5, 0, 0, 0, 0, 2048, version]);
    words(&mut header, 1644, &[1660, if version == 2 { dtb.len() } else { 0 }]);
    header.resize(1660, 0);
    let dtb = if version == 2 { dtb } else { &[] };
    pages(header, 2048, &[kernel, b"cpio!", dtb])
}

fn vendor(dtb: &[u8]) -> Vec<u8> {
    let mut header = b"VNDRBOOT".to_vec();
    words(&mut header, 8, &[4, 4096, 0, 0, 5]);
    words(&mut header, 2096, &[2128, dtb.len()]);
    header.resize(2128, 0);
    pages(header, 4096, &[b"cpio!", dtb])
}

fn table(trees: &[&[u8]]) -> Vec<u8> {
    versioned(0, &trees.iter().map(|tree| (0, *tree)).collect::<Vec<_>>())
}

/// Returns a table of this version, of trees with their flags.
fn versioned(version: usize, trees: &[(usize, &[u8])]) -> Vec<u8> {
    let mut at = 32 + 32 * trees.len();
    let mut out = Vec::new();
    let size = at + trees.iter().map(|(_, tree)| tree.len()).sum::<usize>();
    let word = |out: &mut Vec<u8>, value: usize| out.extend((value as u32).to_be_bytes());
    [0xd7b7_ab1e, size, 32, 32, trees.len(), 32, 2048, version]
        .iter()
        .for_each(|&value| word(&mut out, value));
    for (flags, tree) in trees {
        [tree.len(), at, 0, 0, *flags, 0, 0, 0].iter().for_each(|&value| word(&mut out, value));
        at += tree.len();
    }
    trees.iter().for_each(|(_, tree)| out.extend(*tree));
    out
}

fn image() -> Vec<u8> {
    let mut image = vec![0; 0x1000];
    image[0x10..0x18].copy_from_slice(&0x2000_u64.to_le_bytes());
    image[0x18..0x20].copy_from_slice(&0xa_u64.to_le_bytes());
    image[0x38..0x3c].copy_from_slice(b"ARM\x64");
    image
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_version_of_a_boot_image_gives_its_trees() {
    let dir = WorkDir::new();
    let (good, bad) = (tree(0x50_0000), tree(0x60_0000));
    let check = ["check", "--no-config", "boot.img"];
    for version in 0..=4 {
        for kernel in [image(), gzip(&image())] {
            let kernel = [&kernel[..], &good, &bad].concat();
            dir.put("boot.img", boot(version, &kernel, &bad));
            let count = if version == 2 { "3 inputs" } else { "2 inputs" };
            dir.assert_output(&check, 1, &["--> boot.img#2", "RF201", count]);
        }
    }
    dir.put("boot.img", boot(2, &image(), &[&bad[..], &good].concat()));
    dir.assert_output(&check, 1, &["--> boot.img#1", "2 inputs"]);
    dir.put("boot.img", boot(4, &image(), b""));
    dir.assert_output(&check, 2, &["boot.img: an Android image: no device tree in it"]);
}

#[test]
fn vendor_images_and_tables_give_theirs() {
    let dir = WorkDir::new();
    let (good, bad) = (tree(0x50_0000), tree(0x60_0000));
    for image in [vendor(&[&good[..], &bad].concat()), vendor(&table(&[&good, &bad])), table(&[&good, &bad])]
    {
        dir.put("dtb.img", image);
        dir.assert_output(&["check", "--no-config", "dtb.img"], 1, &["--> dtb.img#2", "1 error in 2 inputs"]);
    }
    let fix = ["fix", "--no-config", "--unsafe", "dtb.img", "-o", "out.img"];
    dir.assert_output(&fix, 2, &["the sizes and signatures of an Android image"]);
    dir.put("base.dtb", BASE);
    dir.put("dtbo.img", table(&[OVERLAY, OVERLAY]));
    dir.assert_output(&["check", "--no-config", "--base", "base.dtb", "dtbo.img"], 0, &["3 inputs"]);
    dir.assert_output(&["check", "--no-config", "dtbo.img"], 2, &["an overlay alone"]);
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn packed_entries_are_unpacked_and_bounded() {
    let dir = WorkDir::new();
    let (good, bad) = (tree(0x50_0000), tree(0x60_0000));
    let (packed, bomb) = (gzip(&good), gzip(&vec![0; 65 << 20]));
    let check = ["check", "--no-config", "--format", "concise", "dtb.img"];
    dir.put("dtb.img", versioned(1, &[(2, &packed), (1, &zlib(&bad)), (0, &good)]));
    dir.assert_output(&check, 1, &["dtb.img#2: RF201"]);
    dir.put("dtb.img", versioned(1, &[(2, &bomb), (1, &packed), (0, &bad)]));
    let refused =
        ["dtb.img#1: cannot unpack it: the gzip stream holds more", "dtb.img#2: cannot", "dtb.img#3: RF201"];
    dir.assert_output(&check, 2, &refused);
    let large = gzip(&[&good[..], &vec![0; 40 << 20]].concat());
    dir.put("dtb.img", versioned(1, &[(2, &large), (2, &large)]));
    dir.assert_output(&check, 2, &["its trees unpack to more than 64 MiB"]);
}

/// Types what a help line has in backquotes.
fn follow(dir: &WorkDir, help: &str) {
    let line = help.split("`ringfence ").nth(1).and_then(|rest| rest.split('`').next()).expect(help);
    let args: Vec<&str> = line.split(' ').collect();
    dir.assert_output(&args, 0, &["tree-1.dtb"]);
}

#[test]
fn the_help_can_be_followed_as_it_is_typed() {
    let (good, bad) = (tree(0x50_0000), tree(0x60_0000));
    let kernel = [&gzip(&image())[..], &bad].concat();
    let tail = [&bad[..], b"a kernel's tail"].concat();
    for (name, file) in [
        ("boot.img", boot(2, &image(), &bad)),
        ("kernel.img", boot(1, &kernel, b"")),
        ("vendor_boot.img", vendor(&[&bad[..], &good].concat())),
        ("dtb.img", versioned(1, &[(2, &gzip(&bad)), (0, &good)])),
        ("tail.dtb", tail),
    ] {
        let dir = WorkDir::new();
        dir.put(name, file);
        let help = dir.assert_output(&["fix", "--no-config", "--unsafe", name, "-o", "out"], 2, &["help: "]);
        follow(&dir, &help);
        dir.assert_output(
            &["fix", "--no-config", "--unsafe", "--in-place", "parts/tree-1.dtb"],
            0,
            &["clean"],
        );
    }
    let dir = WorkDir::new();
    dir.put("both.dtb", [&good[..], &bad].concat());
    for command in ["map", "predict", "headroom"] {
        let help = dir.assert_output(&[command, "--no-config", "both.dtb"], 2, &["several device trees"]);
        assert!(help.contains("`ringfence unpack both.dtb -o parts`"), "{help}");
    }
    follow(&dir, "`ringfence unpack both.dtb -o parts`");
    assert_eq!([dir.read("parts/tree-1.dtb"), dir.read("parts/tree-2.dtb")], [good, bad]);
    dir.put("dtbo.img", table(&[OVERLAY]));
    dir.assert_output(&["unpack", "dtbo.img", "-o", "overlays"], 0, &["overlays/tree-1.dtbo"]);
    dir.assert_output(&["unpack", "dtbo.img", "-o", "overlays"], 2, &["exists already"]);
    dir.put("boot.img", boot(3, &image(), b""));
    dir.assert_output(&["unpack", "boot.img", "-o", "none"], 2, &["an Android image: no device tree in it"]);
    assert!(!dir.path("none").exists());
}

#[test]
fn trees_after_a_packed_kernel_are_checked_and_fixed_where_they_are() {
    let dir = WorkDir::new();
    let (kernel, good, bad) = (gzip(&image()), tree(0x50_0000), tree(0x60_0000));
    let put = |rest: &[&[u8]]| dir.put("Image.gz-dtb", [&kernel[..], &rest.concat()].concat());
    let assert_checked = |code, words: &[&str]| {
        dir.assert_output(&["check", "--no-config", "Image.gz-dtb"], code, words);
    };
    put(&[&good]);
    assert_checked(0, &[]);
    put(&[&[0; 3], &bad, &[0; 512]]);
    assert_checked(1, &["--> Image.gz-dtb#1", "RF201"]);
    dir.assert_output(&["map", "--no-config", "Image.gz-dtb"], 0, &["modem"]);
    put(&[&good, &bad]);
    assert_checked(1, &["--> Image.gz-dtb#2", "RF201", "2 inputs"]);
    let fix = ["fix", "--no-config", "--unsafe", "Image.gz-dtb", "-o", "fixed"];
    dir.assert_output(&fix, 0, &["shifted", "clean: 2 inputs"]);
    let fixed = dir.read("fixed");
    let rest = fixed.strip_prefix(&kernel[..]).and_then(|rest| rest.strip_prefix(&good[..]));
    assert!(rest.is_some_and(|rest| rest.starts_with(&[0xd0, 0x0d, 0xfe, 0xed])));
    dir.assert_output(&["check", "--no-config", "fixed"], 0, &["2 inputs"]);
    let pack = ["pack", "--kernel", "Image.gz-dtb", "-o", "bundle.itb"];
    dir.assert_output(&pack, 0, &["the device tree after the kernel is not packed"]);

    put(&[]);
    assert_checked(2, &["a packed kernel: no device tree follows"]);
    assert!(!dir.assert_output(&pack, 0, &["kernel"]).contains("is not packed"));
    put(&[&bad[..100]]);
    assert_checked(2, &["of which 100 are there"]);
    put(&[&bad, b"a signature"]);
    assert_checked(2, &["bytes of an unknown kind follow the tree"]);
    put(&[&bad, &bad[..100]]);
    assert_checked(2, &["--> Image.gz-dtb#1", "RF201", "Image.gz-dtb#2: totalsize"]);
}

#[test]
fn headers_that_lie_are_refused() {
    let dir = WorkDir::new();
    let bad = tree(0x60_0000);
    let mut huge = boot(2, &image(), &bad);
    huge[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut odd = boot(0, &image(), &bad);
    odd[36..40].copy_from_slice(&3_u32.to_le_bytes());
    let mut many = table(&[&bad]);
    many[16..20].copy_from_slice(&u32::MAX.to_be_bytes());
    for file in [huge, odd, many, b"ANDROID!".to_vec(), table(&[&bad])[..40].to_vec()] {
        dir.put("boot.img", file);
        dir.assert_output(
            &["check", "--no-config", "boot.img"],
            2,
            &["the header says more than the file has"],
        );
    }
}
