//! Reads and writes real device trees, and checks that nothing changes.
//!
//! `RINGFENCE_CORPUS` names a directory of `.dtb` files, which is searched recursively, such as the
//! `usr/lib/linux-image-*` of Debian's arm64 kernel packages. By default the test uses the few blobs of
//! `tests/fixtures`, and says so.

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub, dead_code, unused_imports, reason = "public in the fuzz crate, used by its targets")]
mod fuzz;

use std::path::{Path, PathBuf};
use std::process::Command;

use fuzz::{Content, Random, canonical, nop_out};
use ringfence::fdt::{Edits, NewNode, Tree, rewrite};

/// Number of blobs that dtc reads as text as well, spread over the corpus.
const SAMPLE: usize = 40;

/// Returns the blobs, and where they come from.
fn corpus() -> (Vec<PathBuf>, String) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let (dir, source) = match std::env::var_os("RINGFENCE_CORPUS") {
        Some(dir) => (PathBuf::from(dir), "RINGFENCE_CORPUS"),
        None => (fixtures, "tests/fixtures only, set RINGFENCE_CORPUS for real ones"),
    };
    let mut paths = Vec::new();
    collect(&dir, &mut paths);
    paths.sort();
    assert!(!paths.is_empty(), "no .dtb file in {}", dir.display());
    let source = format!("{} blobs of {} ({source})", paths.len(), dir.display());
    (paths, source)
}

fn collect(dir: &Path, paths: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "dtb") {
            paths.push(path);
        }
    }
}

#[test]
fn every_blob_comes_out_as_it_went_in() {
    let (paths, source) = corpus();
    let (mut nodes, mut props, mut same) = (0, 0, 0);
    for path in &paths {
        let bytes = std::fs::read(path).unwrap();
        let tree = Tree::parse(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let copy = rewrite(&tree, &Edits::new()).unwrap();
        let before = Content::of(&tree);
        assert_eq!(canonical(&copy), before, "{}", path.display());
        if !tree.blob().has_nops() && tree.blob().version() >= 17 {
            // The other reader agrees on the original, too, not only on the copy. It loses nodes where
            // there are NOPs and reads every header as version 17.
            assert_eq!(fuzz::witness(&bytes), before.flat(), "{}", path.display());
        }
        nodes += tree.blob().node_count();
        props += tree.blob().prop_count();
        same += usize::from(copy == tree.blob().bytes());
    }
    println!("{source}: {nodes} nodes, {props} properties; {same} copies are the same bytes");
}

#[test]
fn every_blob_takes_an_edit_and_gives_it_back() {
    let (paths, source) = corpus();
    for path in &paths {
        let bytes = std::fs::read(path).unwrap();
        let tree = Tree::parse(&bytes).unwrap();
        let mut edits = Edits::new();
        edits.add_node(tree.root().id(), NewNode::new("ringfence-added").prop_u32("ringfence,added", 1));
        edits.set(tree.root().id(), "ringfence,added", vec![1, 2, 3]);
        let written = rewrite(&tree, &edits).unwrap();
        let edited = Tree::parse(&written).unwrap();
        let mut back = Edits::new();
        back.remove_node(edited.find("/ringfence-added").unwrap().id());
        back.remove_prop(edited.root().id(), "ringfence,added");
        let restored = rewrite(&edited, &back).unwrap();
        assert_eq!(canonical(&restored), Content::of(&tree), "{}", path.display());
    }
    println!("{source}: edited and restored");
}

#[test]
fn nops_in_every_blob_lose_nothing() {
    let (paths, source) = corpus();
    for path in &paths {
        let mut bytes = std::fs::read(path).unwrap();
        let mut random = Random::from_bytes(&bytes);
        for _ in 0..8 {
            bytes = nop_out(&bytes, &mut random);
        }
        let tree = Tree::parse(&bytes).unwrap();
        let copy = rewrite(&tree, &Edits::new()).unwrap();
        assert_eq!(canonical(&copy), Content::of(&tree), "{}", path.display());
    }
    println!("{source}: 8 properties overwritten with NOPs in each");
}

#[test]
fn dtc_reads_the_copy_as_the_original() {
    if Command::new("dtc").arg("--version").output().is_err() {
        println!("skipped: no dtc in PATH (Debian: apt-get install device-tree-compiler)");
        return;
    }
    let (paths, source) = corpus();
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("copy.dtb");
    let step = paths.len().div_ceil(SAMPLE);
    let sample: Vec<_> = paths.iter().step_by(step).collect();
    for path in &sample {
        let bytes = std::fs::read(path).unwrap();
        let copy = rewrite(&Tree::parse(&bytes).unwrap(), &Edits::new()).unwrap();
        std::fs::write(&out, copy).unwrap();
        assert_eq!(text(&out), text(path), "{}", path.display());
    }
    println!("{source}: {} compared as text by dtc", sample.len());
}

/// Returns a blob as source text, in the order of the blob.
fn text(path: &Path) -> String {
    let output = Command::new("dtc").args(["-q", "-q", "-I", "dtb", "-O", "dts"]).arg(path).output().unwrap();
    assert!(output.status.success(), "dtc: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
