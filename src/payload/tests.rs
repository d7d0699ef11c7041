//! Payloads in every form, opened by a face that has an unpacker and by one that has none.

use super::*;
use crate::fit::{Layout, Pack};
use crate::kernel_image::ImageError;
use crate::packing::Packing;
use crate::profile::PageSize;
use crate::span::MIB;
use std::string::ToString;
use std::vec;
use std::vec::Vec;

mod copies;

/// Where the loader has put the payload.
const BASE: u64 = 0x4800_0000;

/// Returns a kernel of 64 KiB with pages of 16 KiB that takes 2 MiB.
fn kernel() -> Vec<u8> {
    let mut image = vec![0xd5; 0x1_0000];
    image[0x08..0x10].fill(0);
    image[0x10..0x18].copy_from_slice(&(2 * MIB).to_le_bytes());
    image[0x18..0x20].copy_from_slice(&0xc_u64.to_le_bytes());
    image[0x38..0x3c].copy_from_slice(b"ARM\x64");
    image
}

/// Takes what follows the magic of a gzip stream for the kernel, and 4 KiB for the work.
struct Fake;

impl Backend for Fake {
    fn measure(&self, stream: Stream<'_>) -> Result<Measure, StreamError> {
        let head = stream.bytes.get(3..3 + HEADER_LEN).and_then(|head| head.try_into().ok());
        Ok(Measure { head: head.ok_or(StreamError::Damaged)?, len: 3 * MIB })
    }

    fn work(&self, _: Stream<'_>, footprint: u64) -> u64 {
        footprint / 768
    }
}

fn at(bytes: &[u8]) -> Span {
    Span::new(BASE, bytes.len() as u64).unwrap()
}

fn open(bytes: &[u8]) -> Result<Payload<'_>, PayloadError> {
    Payload::open(at(bytes), bytes, &[], &Fake)
}

fn bundle() -> (Vec<u8>, Layout, Vec<u8>) {
    let policy = Policy::default().to_blob().unwrap();
    let pack = Pack {
        kernel: &kernel(),
        ramdisk: Some(b"ramdisk"),
        fdt: Some(b"tree"),
        overlays: &[b"one", b"two"],
        policy: Some(&policy),
        release: Some("6.6.92-board"),
        timestamp: 0,
    };
    let (bytes, layout) = pack.build_with_layout().unwrap();
    (bytes, layout, policy)
}

#[test]
fn the_parts_of_a_bundle_are_found_where_they_are() {
    let (bytes, layout, policy) = bundle();
    let payload = open(&bytes).unwrap();
    let span = |offset: u64, len: usize| Span::new(BASE + offset, len as u64).unwrap();
    assert_eq!(payload.at, at(&bytes));
    assert_eq!(payload.profile().to_string(), "Linux 6.6.92-board (by the bundle), judged as 6.6");
    assert_eq!(payload.kernel.facts.position, Position::Movable(span(layout.kernel, 0x1_0000)));
    assert_eq!(payload.kernel.facts.image_size, 2 * MIB);
    assert_eq!(payload.ramdisk, Some(span(layout.ramdisk, 7)));
    assert_eq!(payload.fdt, Some((span(layout.fdt, 4), &b"tree"[..])));
    let overlays: Vec<(&str, &[u8])> = payload.overlays.iter().map(|(n, b)| (n.as_str(), *b)).collect();
    assert_eq!(overlays, [("overlay-1", &b"one"[..]), ("overlay-2", b"two")]);
    assert_eq!(payload.policy_digest, crate::policy::digest(&policy).ok());
    let mut facts = BootFacts::default();
    payload.enter(&mut facts);
    assert_eq!((facts.bundle, facts.report), (Some(at(&bytes)), true));
    assert!(facts.kernel.unwrap().position.is_movable() && facts.initrd.unwrap().is_movable());
    assert_eq!(payload.profile().profile.page, PageSize::K16);
}

/// Returns a FIT made by other tools, with these labels for the compression of kernel and ramdisk.
fn labelled(kernel_label: &str, ramdisk_label: &str) -> Vec<u8> {
    use crate::fdt::{NewNode, build};
    let image = |name: &str, data: &[u8], label: &str| {
        let crc = crc32fast::hash(data).to_be_bytes();
        let hash = NewNode::new("hash-1").prop_str("algo", "crc32").prop("value", crc);
        NewNode::new(name).prop("data", data).prop_str("compression", label).child(hash)
    };
    let images = NewNode::new("images").child(image("kernel", &kernel(), kernel_label)).child(image(
        "ramdisk",
        b"ramdisk",
        ramdisk_label,
    ));
    let conf = NewNode::new("conf").prop_str("kernel", "kernel").prop_str("ramdisk", "ramdisk");
    let root = NewNode::new("").child(images).child(NewNode::new("configurations").child(conf));
    build(&root, 0, &[]).unwrap()
}

#[test]
fn a_label_of_the_ramdisk_is_linuxs_business_and_one_of_the_kernel_is_ours() {
    for label in ["gzip", "lz4", "xz", "lzma", "bzip2", "lzo", "zstd"] {
        assert!(open(&labelled("none", label)).unwrap().ramdisk.is_some(), "{label}");
    }
    let refused = open(&labelled("xz", "none")).map(|_| ()).unwrap_err();
    assert!(std::string::ToString::to_string(&refused).contains("`xz` cannot be unpacked"), "{refused}");
}

#[test]
fn a_second_ramdisk_is_named_and_not_used() {
    use crate::fdt::{Edits, Tree, rewrite};
    let bytes = labelled("none", "none");
    let tree = Tree::parse(&bytes).unwrap();
    let mut edits = Edits::new();
    edits.set(tree.find("/configurations/conf").unwrap().id(), "ramdisk", b"ramdisk\0initrd-2\0".to_vec());
    let bytes = rewrite(&tree, &edits).unwrap();
    let payload = open(&bytes).unwrap();
    assert!(payload.ramdisk.is_some());
    assert_eq!(payload.further_ramdisks, ["initrd-2"]);
}

#[test]
fn a_kernel_that_is_none_is_named_by_its_format() {
    let named = |bytes: &[u8]| std::string::ToString::to_string(&open(bytes).map(|_| ()).unwrap_err());
    let long = |magic: &[u8]| [magic, &[0; 100]].concat();
    assert!(named(&long(b"\xfd7zXZ\0")).contains("an xz file, not an arm64 Image: unpack it with `xz -d`"));
    assert!(named(b"BZh9").contains("a bzip2 file"));
    assert!(named(&long(b"MZ\x90")).contains("an EFI application"));
    assert!(named(&[0; 100]).contains("not an arm64 Image: 0x00000000"));
}

/// Of what is read in place nothing may be packed: neither by its label nor without one.
#[test]
fn a_packed_device_tree_is_named_by_its_label_and_by_its_magic_number() {
    use crate::fdt::{Edits, NewNode, Tree, rewrite};
    let with_tree = |label: &str| {
        let bytes = labelled("none", "none");
        let tree = Tree::parse(&bytes).unwrap();
        let data = [Packing::Gzip.magic(), b"packed"].concat();
        let crc = crc32fast::hash(&data).to_be_bytes();
        let hash = NewNode::new("hash-1").prop_str("algo", "crc32").prop("value", crc);
        let fdt = NewNode::new("fdt").prop("data", data).prop_str("compression", label).child(hash);
        let mut edits = Edits::new();
        edits.add_node(tree.find("/images").unwrap().id(), fdt);
        edits.set(tree.find("/configurations/conf").unwrap().id(), "fdt", b"fdt\0".to_vec());
        rewrite(&tree, &edits).unwrap()
    };
    let refused = |label: &str| open(&with_tree(label)).map(|_| ()).unwrap_err().to_string();
    assert_eq!(
        refused("gzip"),
        "image fdt is packed with gzip, and only kernels may be; add it to the bundle unpacked"
    );
    assert!(refused("lz4").contains("image `fdt`: compression `lz4` cannot be unpacked"));
    let unlabelled = with_tree("none");
    let (_, blob) = open(&unlabelled).unwrap().fdt.unwrap();
    let why = Tree::parse(blob).map(|_| ()).unwrap_err().to_string();
    assert!(why.starts_with("not a device tree but a gzip file: the word at offset 0 is 0x1f8b08"), "{why}");
}

#[test]
fn a_byte_that_changed_is_an_error_wherever_it_is() {
    let (bytes, layout, _) = bundle();
    for offset in [layout.policy, layout.fdt, layout.overlays, layout.kernel, layout.ramdisk] {
        let mut damaged = bytes.clone();
        damaged[offset as usize + 1] ^= 1;
        assert!(matches!(open(&damaged), Err(PayloadError::Fit(_))), "at {offset:#x}");
    }
}

#[test]
fn a_kernel_alone_is_a_payload() {
    let bytes = kernel();
    let payload = open(&bytes).unwrap();
    assert_eq!((payload.at, payload.kernel.facts.position), (at(&bytes), Position::Movable(at(&bytes))));
    assert!(payload.kernel.stream.is_none() && payload.policy.is_none());
    assert!(matches!(open(&[0; 64]), Err(PayloadError::Kernel(ImageError::BadMagic { .. }))));
}

#[test]
fn a_packed_kernel_moves_and_has_room_for_the_work() {
    let bytes = [Packing::Gzip.magic(), &kernel()].concat();
    let kernel = open(&bytes).unwrap().kernel;
    assert_eq!(kernel.stream.map(|stream| stream.packing), Some(Packing::Gzip));
    assert_eq!((kernel.work, kernel.facts.image_size), (4096, 3 * MIB + 4096));
    assert_eq!(kernel.facts.position, Position::Packed(at(&bytes)), "it cannot stay");
    assert_eq!(
        Payload::open(at(&bytes), &bytes, &[], &Plain).map(|_| ()),
        Err(PayloadError::NoUnpacker(Packing::Gzip))
    );
    assert_eq!(open(&bytes[..20]).map(|_| ()), Err(PayloadError::DamagedStream(Packing::Gzip)));
}
