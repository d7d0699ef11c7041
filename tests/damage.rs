//! Checks the fuzz targets' promises on damaged fixtures, with a stable compiler and the same in every run.

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub, dead_code, unused_imports, reason = "public in the fuzz crate")]
mod fuzz;

use fuzz::{Content, Random, damage, nop_out, roundtrip, structure};
use proptest::prelude::*;
use ringfence::fdt::{Edits, Tree, rewrite};

/// Returns the committed blobs.
fn fixtures() -> Vec<Vec<u8>> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
    let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "dtb"));
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

#[test]
fn damaged_blobs_break_no_promise() {
    for (number, blob) in fixtures().iter().enumerate() {
        structure(blob);
        roundtrip(blob);
        for seed in 0..4000 {
            let bytes = damage(blob, seed * 16 + number as u64);
            structure(&bytes);
            roundtrip(&bytes);
        }
    }
}

#[test]
fn nops_lose_nothing_but_what_they_overwrite() {
    for blob in fixtures() {
        let mut random = Random::from_bytes(&blob);
        let props = Tree::parse(&blob).unwrap().blob().prop_count();
        let mut bytes = blob;
        for _ in 0..20 {
            bytes = nop_out(&bytes, &mut random);
        }
        let tree = Tree::parse(&bytes).unwrap();
        assert!(tree.blob().has_nops() && tree.blob().prop_count() < props);
        let copy = rewrite(&tree, &Edits::new()).unwrap();
        assert_eq!(Content::of(&Tree::parse(&copy).unwrap()), Content::of(&tree));
    }
}

#[test]
fn every_cut_of_a_blob_is_refused() {
    for blob in fixtures() {
        for len in 0..blob.len() {
            assert!(Tree::parse(&blob[..len]).is_err(), "{len} of {} bytes", blob.len());
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_break_no_promise(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        structure(&bytes);
        roundtrip(&bytes);
    }

/// Random tokens after a valid header reach deeper than random bytes.
    #[test]
    fn any_tokens_break_no_promise(
        words in prop::collection::vec(prop_oneof![1..6_u32, Just(0), Just(9), Just(0x6100_0000)], 0..64)
    ) {
        let len = words.len() as u32 * 4;
        let header = [0xd00d_feed, 56 + len + 4, 56, 56 + len, 40, 17, 16, 0, 4, len, 0, 0, 0, 0];
        let mut bytes: Vec<u8> = header.iter().chain(&words).flat_map(|word| word.to_be_bytes()).collect();
        bytes.extend(b"reg\0");
        structure(&bytes);
        roundtrip(&bytes);
    }
}
