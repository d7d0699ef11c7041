//! The promise of `ringfence::fdt::apply_overlay`.

use ringfence::fdt::{Node, Tree, apply_overlay};

use super::canonical;

/// Applies an overlay to a sound base. It must be refused with an error, or it has a fragment, and all of the
/// base must be in the result, with new nodes and other values only. Whether it would be taken for an
/// overlay unasked is another question: it may have a node that only boards have.
pub fn overlay(base: &[u8], overlay: &[u8]) {
    let (Ok(base), Ok(overlay)) = (Tree::parse(base), Tree::parse(overlay)) else { return };
    let merged = match apply_overlay(&base, &overlay) {
        Ok(merged) => merged,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert!(overlay.root().children().any(|fragment| fragment.child("__overlay__").is_some()));
    canonical(&merged);
    let merged = Tree::parse(&merged).expect("what is written is accepted");
    assert!(merged.blob().memreserve().eq(base.blob().memreserve()));
    // New nodes precede older ones of the same depth, so those keep their order.
    let mut rest = merged.nodes();
    for node in base.nodes() {
        let twin = rest
            .by_ref()
            .find(|twin| twin.depth() == node.depth() && twin.name() == node.name() && keeps(*twin, node));
        assert!(twin.is_some(), "{} is lost", node.path());
    }
}

/// Returns whether a node has all properties of another one, and its phandle.
fn keeps(new: Node<'_, '_>, old: Node<'_, '_>) -> bool {
    (old.phandle().is_none() || new.phandle() == old.phandle())
        && old.props().all(|prop| new.has_prop(prop.name))
}
