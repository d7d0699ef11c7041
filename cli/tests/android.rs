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
    let mut at = 32 + 32 * trees.len();
    let mut out = Vec::new();
    let size = at + trees.iter().map(|tree| tree.len()).sum::<usize>();
    let word = |out: &mut Vec<u8>, value: usize| out.extend((value as u32).to_be_bytes());
    [0xd7b7_ab1e, size, 32, 32, trees.len(), 32, 2048, 0].iter().for_each(|&value| word(&mut out, value));
    for tree in trees {
        [tree.len(), at, 0, 0, 0, 0, 0, 0].iter().for_each(|&value| word(&mut out, value));
        at += tree.len();
    }
    trees.iter().for_each(|tree| out.extend(*tree));
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
