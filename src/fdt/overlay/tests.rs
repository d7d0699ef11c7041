//! The promises of applying an overlay. `tests/overlay.rs` compares the results with those of `fdtoverlay`.

mod merge;
mod refuse;

use super::*;
use crate::fdt::{MAX_BOOT_SIZE, NewNode, build};
use alloc::string::String;

/// Returns a board whose labels are known: `uart` has phandle 4, `soc` has 9, `bare` has none.
fn base() -> NewNode {
    let soc = NewNode::new("soc")
        .prop_u32("phandle", 9)
        .child(NewNode::new("uart@1000").prop_str("status", "disabled").prop_u32("phandle", 4))
        .child(NewNode::new("uart@2000").prop_str("status", "disabled"));
    NewNode::new("")
        .prop_str("model", "board")
        .child(NewNode::new("aliases").prop_str("serial0", "/soc/uart@1000").prop_str("loop", "loop"))
        .child(soc)
        .child(NewNode::new("user").prop_cells("uses", &[4]))
        .child(
            NewNode::new("__symbols__")
                .prop_str("uart", "/soc/uart@1000")
                .prop_str("soc", "/soc")
                .prop_str("bare", "/soc/uart@2000")
                .prop_str("lost", "/nowhere"),
        )
}

/// Returns a fragment whose target is a path.
fn at(name: &str, path: &str, content: NewNode) -> NewNode {
    NewNode::new(name).prop_str("target-path", path).child(NewNode { name: "__overlay__".into(), ..content })
}

/// Returns a fragment whose target is still to be resolved.
fn by_label(name: &str, content: NewNode) -> NewNode {
    NewNode::new(name).prop_u32("target", u32::MAX).child(NewNode { name: "__overlay__".into(), ..content })
}

fn content() -> NewNode {
    NewNode::new("__overlay__")
}

fn overlay(fragments: impl IntoIterator<Item = NewNode>) -> NewNode {
    fragments.into_iter().fold(NewNode::new(""), NewNode::child)
}

/// Applies one overlay after the other.
fn apply_to(base: &NewNode, overlays: &[NewNode]) -> Result<Vec<u8>, OverlayError> {
    let mut blob = build(base, 0, &[(0x1000, 0x1000)]).unwrap();
    for overlay in overlays {
        let overlay = build(overlay, 0, &[]).unwrap();
        let tree = Tree::parse_with_limit(&blob, MAX_BOOT_SIZE).unwrap();
        blob = apply_overlay(&tree, &Tree::parse(&overlay).unwrap())?;
    }
    Ok(blob)
}

fn apply(overlays: &[NewNode]) -> Vec<u8> {
    apply_to(&base(), overlays).unwrap()
}

/// Returns the fault of one overlay, the path of the node and the name that the error gives.
fn fault(overlay: NewNode) -> (OverlayFault, String, String) {
    match apply_to(&base(), &[overlay]) {
        Err(OverlayError::Overlay { fault, node, name }) => (fault, node, name),
        other => panic!("no fault of the overlay: {other:?}"),
    }
}

/// Returns the words of a property.
fn cells(blob: &[u8], path: &str, prop: &str) -> Vec<u32> {
    let tree = Tree::parse(blob).unwrap();
    let node = tree.find(path).unwrap_or_else(|| panic!("no {path}"));
    node.prop(prop).unwrap_or_else(|| panic!("no {prop} in {path}")).cells().collect()
}

fn text(blob: &[u8], path: &str, prop: &str) -> String {
    let tree = Tree::parse(blob).unwrap();
    tree.find(path).unwrap().prop(prop).unwrap().as_str().unwrap().into()
}
