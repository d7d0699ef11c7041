//! The promises of `ringfence::fdt` as functions of arbitrary bytes, which panic when a promise does not
//! hold.
//!
//! The fuzz targets call them under libFuzzer; `tests/damage.rs` of the core calls the same functions with
//! damaged fixtures, so that they also run where there is no nightly compiler.

mod content;
mod damage;
mod overlay;
mod random;

pub use content::{Content, witness};
pub use damage::{damage, nop_out};
pub use overlay::overlay;
pub use random::Random;

use ringfence::fdt::{Blob, Edits, Node, Tree, rewrite};

/// Most bytes that a blob may have here: more than the boot protocol allows, as a bundle has.
const LIMIT: usize = 64 << 20;
/// Number of nodes for which the queries are made whose cost grows with the tree.
const ASKED: usize = 32;

/// Checks any bytes, and reads everything when they are accepted.
pub fn structure(bytes: &[u8]) {
    let small = Blob::check(bytes);
    let blob = match Blob::check_with_limit(bytes, LIMIT) {
        Ok(blob) => blob,
        Err(error) => {
            assert!(small.is_err(), "a smaller limit accepts no more");
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let tree = Tree::parse_with_limit(bytes, LIMIT).expect("a checked blob is indexed");
    assert_eq!(tree.nodes().count(), blob.node_count());
    assert_eq!(tree.nodes().map(|node| node.props().count()).sum::<usize>(), blob.prop_count());
    assert_eq!(tree.nodes().map(|node| node.children().count()).sum::<usize>(), blob.node_count() - 1);
    for node in tree.nodes() {
        assert!(node.children().all(|child| child.parent() == Some(node)));
        assert!(node.parent().is_none_or(|parent| parent.depth() + 1 == node.depth()));
        for prop in node.props() {
            assert!(!prop.name.is_empty() && node.has_prop(prop.name));
            // The last one may lack its NUL.
            assert!(prop.strings().map(|text| text.len() + 1).sum::<usize>() <= prop.value.len() + 1);
            assert_eq!(prop.cells().len(), prop.value.len() / 4);
            assert_eq!(prop.as_u32().map(u64::from), prop.as_u64().filter(|_| prop.value.len() == 4));
        }
        let _ = (node.address_cells(), node.size_cells(), node.is_available(), node.unit_address());
    }
    for node in tree.nodes().take(ASKED) {
        if leads_to(node) {
            assert_eq!(tree.find(&node.path()), Some(node));
        }
        if let Some(phandle) = node.phandle() {
            assert_eq!(tree.by_phandle(phandle).and_then(|node| node.phandle()), Some(phandle));
        }
    }
    let _ =
        (tree.bad_cells().count(), blob.memreserve().count(), tree.resolve("serial0"), tree.by_label("l"));
}

/// Returns whether a node's path names it and no earlier sibling, of it or of a node above, whose base name
/// or whole name is the same.
fn leads_to(node: Node<'_, '_>) -> bool {
    node.parent().is_none_or(|parent| parent.child(node.name()) == Some(node) && leads_to(parent))
}

/// Copies an accepted blob and edits it at random. The content must be the same, except for the edits.
pub fn roundtrip(bytes: &[u8]) {
    let Ok(tree) = Tree::parse(bytes) else { return };
    let before = Content::of(&tree);
    match rewrite(&tree, &Edits::new()) {
        Ok(copy) => assert_eq!(canonical(&copy), before, "a copy has the same content"),
        // Only a blob whose names share bytes with other blocks could grow, and no block shares bytes.
        Err(error) => panic!("a checked blob can be copied: {error}"),
    }
    let mut random = Random::from_bytes(bytes);
    let (edits, expected) = before.edited(&tree, &mut random);
    if let Ok(written) = rewrite(&tree, &edits) {
        assert_eq!(canonical(&written), expected.expect("edits that clash are refused"), "{edits:?}");
    }
}

/// Reads a blob that `rewrite` wrote. It must be compact, without NOPs, unchanged by another copy, and the
/// same for the `fdt` crate.
pub fn canonical(written: &[u8]) -> Content {
    let tree = Tree::parse(written).expect("what is written is accepted");
    assert_eq!(tree.blob().bytes().len(), written.len());
    assert_eq!(written.len(), written.to_vec().len());
    assert!(!tree.blob().has_nops());
    let again = rewrite(&tree, &Edits::new()).expect("what is written can be copied");
    assert_eq!(again, written, "a copy of a copy is the same");
    let content = Content::of(&tree);
    assert_eq!(content.flat(), witness(written), "the `fdt` crate reads the same");
    content
}
