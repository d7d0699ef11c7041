//! What edits do, and what they do not.

use super::super::*;
use super::*;
use alloc::vec;

/// Applies `edit` to the board and writes it.
fn edited(edit: impl FnOnce(&Tree<'_>, &mut Edits)) -> Result<Vec<u8>, FdtError> {
    let blob = board();
    let tree = Tree::parse(&blob).unwrap();
    let mut edits = Edits::new();
    edit(&tree, &mut edits);
    rewrite(&tree, &edits)
}

fn fault(result: Result<Vec<u8>, FdtError>) -> EditFault {
    match result {
        Err(FdtError::Edit { fault, .. }) => fault,
        other => panic!("no edit fault: {other:?}"),
    }
}

#[test]
fn a_set_property_keeps_its_place_and_a_new_one_comes_last() {
    let blob = edited(|tree, edits| {
        edits.set(id(tree, CAMERA), "reg", vec![1, 2, 3, 4]);
        edits.set(id(tree, CAMERA), "alignment", vec![0, 0, 0x10, 0]);
    });
    let blob = blob.unwrap();
    let tree = Tree::parse(&blob).unwrap();
    let camera = tree.find(CAMERA).unwrap();
    let props: Vec<_> = camera.props().map(|prop| (prop.name, prop.value.len())).collect();
    assert_eq!(props, [("reg", 4), ("no-map", 0), ("phandle", 4), ("alignment", 4)]);
}

#[test]
fn untouched_nodes_keep_every_byte() {
    let before = board();
    let before = Tree::parse(&before).unwrap();
    let after = edited(|tree, edits| edits.remove_prop(id(tree, CAMERA), "no-map")).unwrap();
    let after = Tree::parse(&after).unwrap();
    for (one, other) in before.nodes().zip(after.nodes()) {
        assert_eq!(one.path(), other.path());
        let props: Vec<_> = one.props().filter(|p| one.path() != CAMERA || p.name != "no-map").collect();
        assert_eq!(props, other.props().collect::<Vec<_>>(), "{}", one.path());
    }
    assert_eq!(after.blob().strings(), before.blob().strings());
}

#[test]
fn nodes_are_renamed_removed_and_added_in_place() {
    let blob = edited(|tree, edits| {
        edits.rename(id(tree, CAMERA), "camera@84400000");
        edits.add_node_after(id(tree, CAMERA), NewNode::new("dsp@1").prop_u32("new,word", 1));
        edits.remove_node(id(tree, MODEM));
        edits.add_node_after(id(tree, MODEM), NewNode::new("modem@86900000"));
        edits.add_node(id(tree, "/reserved-memory"), NewNode::new("last").child(NewNode::new("in")));
        edits.add_node(id(tree, "/"), NewNode::new("tail"));
        edits.add_node_first(id(tree, "/"), NewNode::new("head"));
        edits.add_node_first(id(tree, "/"), NewNode::new("neck"));
    });
    let blob = blob.unwrap();
    let tree = Tree::parse(&blob).unwrap();
    let names: Vec<_> = tree.nodes().skip(1).map(|node| (node.depth(), node.name())).collect();
    let expected = [
        (1, "head"),
        (1, "neck"),
        (1, "aliases"),
        (1, "reserved-memory"),
        (2, "camera@84400000"),
        (2, "dsp@1"),
        (2, "modem@86900000"),
        (2, "last"),
        (3, "in"),
        (1, "chosen"),
        (1, "tail"),
    ];
    assert_eq!(names, expected);
    assert_eq!(tree.find("/reserved-memory/dsp").unwrap().prop("new,word").unwrap().as_u32(), Some(1));
}

#[test]
fn a_known_name_is_not_stored_again() {
    let blob = edited(|tree, edits| edits.set(id(tree, "/chosen"), "no-map", vec![])).unwrap();
    let strings = Blob::check(&blob).unwrap().strings();
    assert_eq!(strings.split(|&byte| byte == 0).filter(|name| *name == b"no-map").count(), 1);
}

#[test]
fn edits_that_cannot_be_made_are_refused() {
    let set = |name: &'static str| fault(edited(|tree, edits| edits.set(id(tree, CAMERA), name, vec![])));
    assert!(matches!(set(""), EditFault::BadName(_, NameFault::Empty)));
    assert!(matches!(set("a b"), EditFault::BadName(_, NameFault::NotPrintable)));
    let name = |name: &'static str| fault(edited(|tree, edits| edits.rename(id(tree, CAMERA), name)));
    assert!(matches!(name("a/b"), EditFault::BadName(_, NameFault::Slash)));
    assert!(matches!(name("modem@86800000"), EditFault::DuplicateNode(_)));
    let twice = edited(|tree, edits| {
        edits.set(id(tree, CAMERA), "reg", vec![]);
        edits.remove_prop(id(tree, CAMERA), "reg");
    });
    assert_eq!(fault(twice), EditFault::DuplicateProp("reg".into()));
    let missing = edited(|tree, edits| edits.remove_prop(id(tree, CAMERA), "reusable"));
    assert_eq!(fault(missing), EditFault::NoSuchProp("reusable".into()));
    assert_eq!(fault(edited(|_, edits| edits.remove_node(NodeId(99)))), EditFault::NoSuchNode);
    assert_eq!(fault(edited(|_, edits| edits.remove_node(NodeId(0)))), EditFault::Root);
    assert_eq!(fault(edited(|_, edits| edits.set_memreserve(vec![(1, 0)]))), EditFault::EmptyReserve);
    let below = edited(|tree, edits| {
        edits.remove_node(id(tree, MODEM));
        edits.set(id(tree, "/reserved-memory/modem/part"), "x", vec![]);
    });
    assert_eq!(fault(below), EditFault::Conflict);
    let added = edited(|tree, edits| edits.add_node(id(tree, "/"), NewNode::new("chosen")));
    assert_eq!(fault(added), EditFault::DuplicateNode("chosen".into()));
}

#[test]
fn new_nodes_stop_at_the_depth_that_readers_bear() {
    let nest = |levels: usize| (1..levels).fold(NewNode::new("n"), |node, _| NewNode::new("n").child(node));
    let add = |levels| edited(|tree, edits| edits.add_node(id(tree, CAMERA), nest(levels)));
    let deepest = add(MAX_DEPTH - 3).unwrap();
    assert!(Blob::check(&deepest).is_ok());
    assert_eq!(fault(add(MAX_DEPTH - 2)), EditFault::TooDeep);
    assert_eq!(fault(build(&NewNode::new("").child(nest(500)), 0, &[])), EditFault::TooDeep);
}

#[test]
fn a_result_over_the_limit_is_refused_before_it_is_written() {
    let big = edited(|tree, edits| edits.set(id(tree, CAMERA), "x", vec![0; MAX_SIZE]));
    assert!(matches!(big, Err(FdtError::TooLarge { limit: MAX_SIZE, .. })));
}

#[test]
fn memory_reservations_can_be_replaced() {
    let blob = edited(|_, edits| edits.set_memreserve(vec![(1, 2), (0, 4)])).unwrap();
    assert_eq!(Blob::check(&blob).unwrap().memreserve().collect::<Vec<_>>(), [(1, 2), (0, 4)]);
}

#[test]
fn a_bundle_larger_than_a_boot_tree_needs_its_own_limit() {
    let images = NewNode::new("images").child(NewNode::new("kernel").prop("data", vec![0x5a; 3 << 20]));
    let root = NewNode::new("").prop_str("description", "bundle").child(images);
    let blob = build_aligned(&root, 0, &[], "/images/kernel", "data", 2 << 20).unwrap();
    assert!(matches!(Blob::check_with_limit(&blob, MAX_BOOT_SIZE), Err(FdtError::TooLarge { .. })));
    let tree = Tree::parse_with_limit(&blob, 64 << 20).unwrap();
    let kernel = tree.find("/images/kernel").unwrap();
    let offset = kernel.value_offset("data").unwrap();
    assert_eq!(offset % (2 << 20), 0);
    assert_eq!(blob.get(offset..offset + (3 << 20)), Some(kernel.prop("data").unwrap().value));
}

#[test]
fn an_error_names_the_node_and_the_reason() {
    let error = edited(|tree, edits| edits.remove_prop(id(tree, CAMERA), "x")).unwrap_err();
    assert_eq!(
        alloc::format!("{error}"),
        "cannot edit /reserved-memory/camera@84300000: there is no property `x` to remove"
    );
}
