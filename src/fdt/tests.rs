//! What reading, editing and writing promise, as specifications.

mod edit;
mod read;
mod refuse;

use super::{Edits, NewNode, NodeId, Tree, build, rewrite};
use alloc::vec::Vec;

/// Returns a board with what the tests need.
fn board() -> Vec<u8> {
    let camera = NewNode::new("camera@84300000")
        .prop_cells("reg", &[0, 0x8430_0000, 0, 0x50_0000])
        .prop_empty("no-map");
    let root = NewNode::new("")
        .prop_u32("#address-cells", 2)
        .prop_u32("#size-cells", 2)
        .prop_strs("compatible", &["acme,board", "acme,soc"])
        .child(NewNode::new("aliases").prop_str("cam", "/reserved-memory/camera@84300000"))
        .child(
            NewNode::new("reserved-memory")
                .prop_u32("#address-cells", 2)
                .prop_u32("#size-cells", 2)
                .prop_empty("ranges")
                .child(camera.prop_u32("phandle", 7))
                .child(
                    NewNode::new("modem@86800000").prop_str("status", "disabled").child(NewNode::new("part")),
                ),
        )
        .child(NewNode::new("chosen").prop_str("bootargs", "quiet"));
    build(&root, 3, &[(0x1000, 0x2000)]).unwrap()
}

const CAMERA: &str = "/reserved-memory/camera@84300000";
const MODEM: &str = "/reserved-memory/modem@86800000";

fn id(tree: &Tree<'_>, path: &str) -> NodeId {
    tree.find(path).unwrap().id()
}

#[test]
fn a_built_blob_reads_back() {
    let blob = board();
    let tree = Tree::parse(&blob).unwrap();
    let paths: Vec<_> = tree.nodes().map(|node| node.path()).collect();
    assert_eq!(
        paths,
        [
            "/",
            "/aliases",
            "/reserved-memory",
            "/reserved-memory/camera@84300000",
            "/reserved-memory/modem@86800000",
            "/reserved-memory/modem@86800000/part",
            "/chosen"
        ]
    );
    assert_eq!(tree.blob().boot_cpu(), 3);
    assert_eq!(tree.blob().memreserve().collect::<Vec<_>>(), [(0x1000, 0x2000)]);
    assert_eq!(rewrite(&tree, &Edits::new()).unwrap(), blob);
}
