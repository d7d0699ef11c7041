//! Reading the nodes and properties of a tree.

use super::super::*;
use super::*;

#[test]
fn nodes_are_found_by_path_alias_and_phandle() {
    let blob = board();
    let tree = Tree::parse(&blob).unwrap();
    let camera = tree.find(CAMERA).unwrap();
    assert_eq!(tree.find("/reserved-memory/camera"), Some(camera));
    assert_eq!(tree.resolve("cam"), Some(camera));
    assert_eq!(tree.by_phandle(7), Some(camera));
    assert_eq!(tree.find("/"), Some(tree.root()));
    assert_eq!(tree.find("/reserved-memory/camera@0"), None);
    assert_eq!(tree.find("/reserved-memory/cam"), None);
    assert_eq!(tree.find("reserved-memory"), None);
    assert_eq!(tree.by_phandle(0), None);
}

#[test]
fn a_blob_reads_the_same_wherever_it_lies() {
    let blob = board();
    let view = |bytes: &[u8]| {
        let tree = Tree::parse(bytes).unwrap();
        let nodes = tree.nodes().map(|node| (node.path(), node.props().map(|p| p.value.to_vec()).collect()));
        nodes.collect::<Vec<(_, Vec<_>)>>()
    };
    let mut room = alloc::vec![0_u64; blob.len() / 8 + 2];
    let room = zerocopy::IntoBytes::as_mut_bytes(&mut room[..]);
    for at in 0..8 {
        room[at..][..blob.len()].copy_from_slice(&blob);
        assert_eq!(view(&room[at..][..blob.len()]), view(&blob), "{at} bytes behind a multiple of 8");
        // Every cut and every name without its end is refused in the same words.
        for byte in 56..blob.len() {
            room[at + byte] ^= 0xff;
            let mut same = blob.clone();
            same[byte] ^= 0xff;
            let (here, there) = (Tree::parse(&room[at..][..blob.len()]).err(), Tree::parse(&same).err());
            assert_eq!(here, there, "byte {byte}");
            room[at + byte] ^= 0xff;
        }
    }
}

#[test]
fn a_node_tells_its_name_place_and_state() {
    let blob = board();
    let tree = Tree::parse(&blob).unwrap();
    let camera = tree.find(CAMERA).unwrap();
    assert_eq!((camera.base_name(), camera.unit_address()), ("camera", Some("84300000")));
    assert_eq!((camera.depth(), camera.path().as_str()), (2, CAMERA));
    assert_eq!(camera.parent(), tree.find("/reserved-memory"));
    let part = tree.find("/reserved-memory/modem/part").unwrap();
    assert!(part.is_enabled() && !part.is_available(), "a parent that is disabled disables what is below");
    let children: Vec<_> = tree.root().children().map(|child| child.name()).collect();
    assert_eq!(children, ["aliases", "reserved-memory", "chosen"]);
}

#[test]
fn status_is_enabled_only_by_ok_and_okay() {
    for (status, enabled) in
        [("ok", true), ("okay", true), ("disabled", false), ("", false), ("okay ", false)]
    {
        let blob = build(&NewNode::new("").prop_str("status", status), 0, &[]).unwrap();
        assert_eq!(Tree::parse(&blob).unwrap().root().is_enabled(), enabled, "{status:?}");
    }
    // Firmware forgets the NUL, and Linux finds one behind the value.
    for (status, enabled) in [(&b"okay"[..], true), (b"ok", true), (b"disabled", false), (b"oka", false)] {
        let blob = build(&NewNode::new("").prop("status", status.to_vec()), 0, &[]).unwrap();
        assert_eq!(Tree::parse(&blob).unwrap().root().is_enabled(), enabled, "{status:?}");
    }
    let blob = build(&NewNode::new("").prop_empty("status"), 0, &[]).unwrap();
    assert!(!Tree::parse(&blob).unwrap().root().is_enabled());
}

#[test]
fn absent_and_malformed_cells_differ() {
    let root = NewNode::new("").prop_u64("#address-cells", 2).prop_u32("#size-cells", 5);
    let blob = build(&root.child(NewNode::new("bare")), 0, &[]).unwrap();
    let tree = Tree::parse(&blob).unwrap();
    assert!(matches!(tree.root().address_cells(), Err(FdtError::BadCells { len: 8, .. })));
    assert!(matches!(tree.root().size_cells(), Err(FdtError::BadCells { len: 4, .. })));
    let bare = tree.find("/bare").unwrap();
    assert_eq!((bare.address_cells(), bare.size_cells()), (Ok(2), Ok(1)));
    assert_eq!(bare.cells("#address-cells"), Ok(None));
    assert_eq!(tree.bad_cells().count(), 2);
}

#[test]
fn values_are_read_only_in_their_own_length() {
    let prop = |value: &'static [u8]| Prop { name: "x", value };
    assert_eq!(prop(&[0, 0, 1, 0]).as_u32(), Some(256));
    assert_eq!(prop(&[0, 0, 1, 0, 0]).as_u32(), None);
    assert_eq!(prop(&[0, 0, 0, 1, 0, 0, 0, 2]).as_u64(), Some((1 << 32) + 2));
    assert_eq!(prop(b"one\0two\0").as_str(), Some("one"));
    assert_eq!(prop(b"one").as_str(), None);
    assert_eq!((prop(b"one").text(), prop(b"one\0two").text()), (Some("one"), Some("one")));
    assert_eq!((prop(b"").text(), prop(b"\xff").text()), (Some(""), None));
    assert_eq!(prop(b"one\0two\0tail").strings().collect::<Vec<_>>(), ["one", "two", "tail"]);
    assert_eq!(prop(b"one\0\0").strings().collect::<Vec<_>>(), ["one", ""]);
    assert_eq!(prop(b"").strings().count(), 0);
    assert_eq!(prop(&[0, 0, 0, 1, 0, 0, 0, 2, 9]).cells().collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn the_old_phandle_counts_only_alone() {
    let node = |name: &str| NewNode::new(name).prop_u32("linux,phandle", 5);
    let root = NewNode::new("").child(node("a").prop_u32("phandle", 6)).child(node("b"));
    let blob = build(&root, 0, &[]).unwrap();
    let tree = Tree::parse(&blob).unwrap();
    assert_eq!(tree.by_phandle(6).unwrap().name(), "a");
    assert_eq!(tree.by_phandle(5).unwrap().name(), "b");
}

#[test]
fn a_path_without_an_address_leads_to_the_first_of_that_base_name() {
    let root = NewNode::new("").child(NewNode::new("a@1").child(NewNode::new("b"))).child(NewNode::new("a"));
    let blob = build(&root, 0, &[]).unwrap();
    let tree = Tree::parse(&blob).unwrap();
    assert_eq!(tree.find("/a").unwrap().name(), "a@1", "as libfdt, even where a node has that whole name");
    assert_eq!(tree.find("/a/b").unwrap().path(), "/a@1/b");
    assert_eq!(tree.find("/a@"), None);
}
