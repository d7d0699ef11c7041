//! Bundles as written by `mkimage` and by `pack`, and malformed ones.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::fdt::{NewNode, build};
use crate::kernel_image::PLACEMENT_ALIGN;
use crate::packing::Packing;

/// Returns a kernel of `len` bytes that says it takes `image_size` bytes.
fn kernel(len: usize, image_size: u64, text_offset: u64) -> Vec<u8> {
    let mut image = vec![0xd5; len];
    image[0x08..0x10].copy_from_slice(&text_offset.to_le_bytes());
    image[0x10..0x18].copy_from_slice(&image_size.to_le_bytes());
    image[0x18..0x20].copy_from_slice(&0xau64.to_le_bytes());
    image[0x38..0x3c].copy_from_slice(b"ARM\x64");
    image
}

fn node(name: &str, props: &[(&str, &[u8])], children: Vec<NewNode>) -> NewNode {
    let props = props.iter().map(|&(name, value)| (name.to_string(), value.to_vec())).collect();
    NewNode { name: name.to_string(), props, children }
}

fn hash(algorithm: &[u8], value: &[u8]) -> NewNode {
    node("hash-1", &[("algo", algorithm), ("value", value)], vec![])
}

/// Returns a FIT with one image called `kernel` and these configurations.
fn fit_with(kernel: NewNode, default: Option<&[u8]>, configurations: Vec<NewNode>) -> Vec<u8> {
    let default: Vec<(&str, &[u8])> = default.map(|name| ("default", name)).into_iter().collect();
    let images = node("images", &[], vec![kernel]);
    build(&node("", &[], vec![images, node("configurations", &default, configurations)]), 0, &[]).unwrap()
}

fn fit(kernel: NewNode) -> Vec<u8> {
    fit_with(kernel, None, vec![node("conf-1", &[("kernel", b"kernel\0")], vec![])])
}

fn select(bytes: &[u8]) -> Result<Config<'_>, FitError> {
    Fit::parse(bytes)?.select(&[])
}

#[test]
fn a_packed_bundle_gives_back_every_part() {
    let kernel = kernel(0x12345, 0x20000, 0);
    let pack = Pack {
        kernel: &kernel,
        ramdisk: Some(b"ramdisk"),
        fdt: Some(b"fdt"),
        overlays: &[b"first", b"second overlay", b""],
        policy: Some(b"policy"),
        release: None,
        timestamp: 0,
    };
    let bundle = pack.build().unwrap();
    let config = select(&bundle).unwrap();
    let data = |image: &Option<Image<'_>>| image.as_ref().map(|image| image.data.to_vec());
    assert_eq!(config.kernel.data, kernel);
    assert_eq!(data(&config.ramdisk).as_deref(), Some(&b"ramdisk"[..]));
    assert_eq!(data(&config.fdt).as_deref(), Some(&b"fdt"[..]));
    assert_eq!(data(&config.policy).as_deref(), Some(&b"policy"[..]));
    let overlays: Vec<_> = config.overlays.iter().map(|image| (image.name.as_str(), image.data)).collect();
    let expected = [("overlay-1", &b"first"[..]), ("overlay-2", b"second overlay"), ("overlay-3", b"")];
    assert_eq!(overlays, expected, "in the order given");
    assert!(config.overlays.iter().all(|image| image.data_offset % BLOB_ALIGN == 0));
    assert_eq!(config.images().map(Image::verify).collect::<Vec<_>>(), [const { Ok(()) }; 7]);
    assert_eq!(Fit::parse(&bundle).unwrap().end(), Ok(bundle.len() as u64));
    assert_eq!(pack.build().unwrap(), bundle, "the same input gives the same bytes");
}

#[test]
fn a_loader_can_grow_the_tree_where_it_lies_and_hits_nothing() {
    let kernel = kernel(0x1000, 0x2000, 0);
    let (tree, overlays) = (vec![2; 0x1f_f000], [&[3; 0x100][..], &[4; 0x33]]);
    let pack = Pack { kernel: &kernel, fdt: Some(&tree), ..Pack::default() };
    let (_, layout) = pack.build_with_layout().unwrap();
    assert!(layout.kernel >= layout.fdt + 0x1f_f000 + FDT_ROOM, "the kernel comes next");
    let (_, layout) = Pack { overlays: &overlays, ..pack }.build_with_layout().unwrap();
    assert!(layout.overlays >= layout.fdt + 0x1f_f000 + FDT_ROOM + 0x133, "or the overlays do");
}

#[test]
fn overlays_need_a_tree_to_be_applied_to() {
    let kernel = kernel(0x1000, 0x2000, 0);
    let pack = Pack { kernel: &kernel, overlays: &[b"overlay"], ..Pack::default() };
    assert_eq!(pack.build(), Err(FitError::OverlaysAlone));
}

#[test]
fn the_kernel_can_run_where_it_lies_and_its_bss_meets_nothing() {
    for text_offset in [0, 0x8_0000, 0x1f_f000] {
        let kernel = kernel(0x1000, 0x33_3333, text_offset);
        let pack = Pack { kernel: &kernel, ramdisk: Some(&[1; 100]), fdt: Some(&[2; 9]), ..Pack::default() };
        let (bundle, layout) = pack.build_with_layout().unwrap();
        assert_eq!(layout.kernel % PLACEMENT_ALIGN, text_offset);
        assert!(layout.ramdisk >= layout.kernel + 0x33_3333);
        assert_eq!(layout.ramdisk % RAMDISK_ALIGN, 0);
        assert_eq!(layout.fdt % BLOB_ALIGN, 0);
        let config = select(&bundle).unwrap();
        assert_eq!(config.kernel.data_offset, layout.kernel);
        assert_eq!(config.ramdisk.unwrap().data_offset, layout.ramdisk);
    }
}

#[test]
fn without_a_ramdisk_the_bundle_still_holds_the_room_for_bss() {
    let kernel = kernel(0x1000, 0x5000, 0);
    let (bundle, layout) = Pack { kernel: &kernel, ..Pack::default() }.build_with_layout().unwrap();
    assert!(bundle.len() as u64 >= layout.kernel + 0x5000);
}

#[test]
fn what_is_no_kernel_is_not_packed() {
    assert!(matches!(Pack { kernel: &[0; 100], ..Pack::default() }.build(), Err(FitError::Kernel(_))));
}

#[test]
fn embedded_data_is_found_with_its_offset() {
    let bytes =
        fit(node("kernel", &[("data", b"vmlinux")], vec![hash(b"crc32\0", &[0xad, 0x27, 0x9a, 0x6d])]));
    let config = select(&bytes).unwrap();
    let at = config.kernel.data_offset as usize;
    assert_eq!(&bytes[at..at + 7], b"vmlinux");
    let expected = crc32fast::hash(b"vmlinux").to_be_bytes();
    let bytes = fit(node("kernel", &[("data", b"vmlinux")], vec![hash(b"crc32\0", &expected)]));
    assert_eq!(select(&bytes).unwrap().kernel.verify(), Ok(()));
}

#[test]
fn external_data_is_counted_from_the_trees_end_or_the_files_start() {
    let external = |key: &str, at: u32| {
        node("kernel", &[(key, &at.to_be_bytes()), ("data-size", &4u32.to_be_bytes())], vec![])
    };
    let mut bytes = fit(external("data-offset", 8));
    let tree_end = bytes.len().next_multiple_of(4);
    bytes.resize(tree_end + 8, 0);
    bytes.extend(b"LAST");
    assert_eq!(select(&bytes).unwrap().kernel.data, b"LAST");
    let mut bytes = fit(external("data-position", 0x1000));
    bytes.resize(0x1000, 0);
    bytes.extend(b"HERE");
    assert_eq!(select(&bytes).unwrap().kernel.data, b"HERE");
}

#[test]
fn a_bundle_that_was_cut_short_says_which_image_is_missing() {
    let kernel = kernel(0x1000, 0x1000, 0);
    let bundle = Pack { kernel: &kernel, ramdisk: Some(&[7; 64]), ..Pack::default() }.build().unwrap();
    let Err(FitError::DataOutside { image, size: 64, bundle: have, .. }) =
        select(&bundle[..bundle.len() - 1])
    else {
        panic!("a byte is missing");
    };
    assert_eq!((image.as_str(), have), ("ramdisk", bundle.len() as u64 - 1));
}

#[test]
fn one_flipped_bit_is_found() {
    let kernel = kernel(0x1000, 0x1000, 0);
    let (mut bundle, layout) = Pack { kernel: &kernel, ..Pack::default() }.build_with_layout().unwrap();
    bundle[layout.kernel as usize + 0x800] ^= 1;
    let found = select(&bundle).unwrap().kernel.verify();
    assert_eq!(found, Err(FitError::HashMismatch { image: "kernel".to_string(), algorithm: "sha256" }));
}

#[test]
fn the_caller_may_bring_a_faster_sha256() {
    let value = [7; 32];
    let bytes = fit(node("kernel", &[("data", b"x")], vec![hash(b"sha256\0", &value)]));
    let kernel = select(&bytes).unwrap().kernel;
    assert_eq!(kernel.verify_with(&|_| value), Ok(()));
    assert!(kernel.verify().is_err());
}

#[test]
fn a_hash_that_cannot_be_verified_is_refused() {
    let refused = |hashes| select(&fit(node("kernel", &[("data", b"x")], hashes))).map(|_| ()).unwrap_err();
    assert_eq!(
        refused(vec![hash(b"md5\0", &[0; 16])]),
        FitError::UnknownHash { image: "kernel".to_string(), algorithm: "md5".to_string() }
    );
    assert!(matches!(refused(vec![hash(b"sha256\0", &[0; 31])]), FitError::HashLength { found: 31, .. }));
    assert!(matches!(refused(vec![node("hash-1", &[], vec![])]), FitError::Malformed { name: "algo", .. }));
    let digest: [u8; 32] = Sha256::digest(b"x").into();
    let many = (0..9).map(|i| NewNode { name: alloc::format!("hash-{i}"), ..hash(b"sha256\0", &digest) });
    assert!(matches!(refused(many.collect()), FitError::TooMany { .. }));
    let unhashed = fit(node("kernel", &[("data", b"x")], vec![]));
    assert!(matches!(select(&unhashed).unwrap().kernel.verify(), Err(FitError::Unhashed { .. })));
}

#[test]
fn a_choice_that_cannot_be_made_is_an_error() {
    let kernel = || node("kernel", &[("data", b"x")], vec![]);
    let conf = |name: &str| node(name, &[("kernel", b"kernel\0")], vec![]);
    let error = |default, configurations| select(&fit_with(kernel(), default, configurations)).map(|_| ());
    assert_eq!(error(None, vec![conf("a"), conf("b")]), Err(FitError::NoDefault { count: 2 }));
    assert_eq!(error(None, vec![]), Err(FitError::NoDefault { count: 0 }));
    assert!(matches!(error(Some(b"c\0"), vec![conf("a")]), Err(FitError::NoSuchConfiguration { .. })));
    assert!(matches!(error(None, vec![node("a", &[], vec![])]), Err(FitError::NoKernel { .. })));
    let wrong = node("a", &[("kernel", b"vmlinux\0")], vec![]);
    assert!(matches!(error(None, vec![wrong]), Err(FitError::NoSuchImage { .. })));
    let plain = build(&node("", &[], vec![]), 0, &[]).unwrap();
    assert_eq!(Fit::parse(&plain).map(|_| ()), Err(FitError::NotAFit { missing: "images" }));
}

#[test]
fn compression_is_known_or_refused() {
    let with = |value: &[u8]| {
        let bytes = fit(node("kernel", &[("data", b"x"), ("compression", value)], vec![]));
        let kernel = select(&bytes)?.kernel;
        kernel.check_label().map(|()| kernel.packing)
    };
    assert_eq!(with(b"gzip\0"), Ok(Some(Packing::Gzip)));
    assert_eq!(with(b"none\0"), Ok(None));
    assert_eq!(with(b"zstd\0"), Ok(Some(Packing::Zstd)));
    assert!(matches!(with(b"lzop\0"), Err(FitError::Compression { .. })));
}

mod choice;

proptest! {
    #[test]
    fn damaged_bundles_are_answered(
        hits in proptest::collection::vec((0usize..1200, any::<u8>()), 1..4),
        cut in 0usize..0x2000,
    ) {
        let kernel = kernel(0x100, 0x100, 0);
        let (ramdisk, policy) = (Some(&[1; 40][..]), Some(&[2; 40][..]));
        let parts = Pack { kernel: &kernel, ramdisk, policy, ..Pack::default() };
        let mut bundle = parts.build().unwrap();
        for (at, value) in hits {
            bundle[at] = value;
        }
        bundle.truncate(bundle.len() - cut);
        if let Ok(fit) = Fit::parse(&bundle)
            && let Ok(config) = fit.select(&["vendor,board"])
        {
            for image in config.images() {
                prop_assert!(image.data_offset as usize + image.data.len() <= bundle.len());
                let _ = image.verify();
            }
        }
    }
}
