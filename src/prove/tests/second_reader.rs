//! The witness with a second reader that returns wrong data.

use super::witness::{View, read};
use super::*;

/// Runs the proof of a tree that is right with this second reader.
fn disagreement(second: SecondReader) -> Disagreement {
    match (Scheme { second, ..Scheme::default() }).prove(|_, _| ()) {
        Err(Refusal::Witness(disagreement)) => disagreement,
        other => panic!("{other:?}"),
    }
}

/// Reads truly, then lies about the entry of this name.
fn lying(
    bytes: &[u8],
    map: &MemoryMap,
    name: &str,
    lie: fn(&mut witness::Entry),
) -> Result<View, Disagreement> {
    let mut view = read(bytes, map)?;
    let entry = view.entries.iter_mut().find(|entry| entry.name.starts_with(name));
    lie(entry.unwrap());
    Ok(view)
}

fn of(name: &str) -> Disagreement {
    Disagreement::Entry(name.into())
}

#[test]
fn a_region_that_the_second_reader_sees_elsewhere_is_named() {
    let camera = of("camera@45000000");
    assert_eq!(disagreement(|b, m| lying(b, m, "camera", |e| e.spans = vec![mib(80, 7)])), camera);
    assert_eq!(disagreement(|b, m| lying(b, m, "camera", |e| e.spans.push(mib(90, 1)))), camera);
    assert_eq!(disagreement(|b, m| lying(b, m, "camera", |e| e.spans.clear())), camera);
    assert_eq!(disagreement(|b, m| lying(b, m, "camera", |e| e.no_map = false)), camera);
    assert_eq!(disagreement(|b, m| lying(b, m, "camera", |e| e.reusable = true)), camera);
    assert_eq!(disagreement(|b, m| lying(b, m, "camera", |e| e.name.clear())), camera);
    let pool = of("pool@48000000");
    assert_eq!(disagreement(|b, m| lying(b, m, "pool", |e| e.reusable = false)), pool);
    assert_eq!(disagreement(|b, m| lying(b, m, "pool", |e| e.no_map = true)), pool);
}

#[test]
fn a_bank_or_an_entry_that_the_second_reader_sees_elsewhere_is_named() {
    let bank = of("memory@40000000");
    assert_eq!(disagreement(|b, m| lying(b, m, "memory", |e| e.spans = vec![mib(0, 1023)])), bank);
    let reserve = of("/memreserve/");
    assert_eq!(disagreement(|b, m| Ok(View { reserve: vec![], ..read(b, m)? })), reserve);
    assert_eq!(disagreement(|b, m| Ok(View { reserve: vec![(ENTRY.0, 1)], ..read(b, m)? })), reserve);
    assert_eq!(disagreement(|b, m| Ok(View { reserve: vec![ENTRY, ENTRY], ..read(b, m)? })), reserve);
}

#[test]
fn what_only_one_reader_sees_is_counted() {
    let fewer: SecondReader = |bytes, map| {
        let mut view = read(bytes, map)?;
        view.entries.remove(1);
        Ok(view)
    };
    assert_eq!(disagreement(fewer), Disagreement::Count(5, 4));
    let more: SecondReader = |bytes, map| {
        let mut view = read(bytes, map)?;
        view.entries.push(view.entries[0].clone());
        Ok(view)
    };
    assert_eq!(disagreement(more), Disagreement::Count(5, 6));
    assert_eq!(disagreement(|_, _| Err(Disagreement::Unreadable)), Disagreement::Unreadable);
}

/// A survey that misreads the blob is the other half: then the true reader disagrees.
#[test]
fn a_wrong_survey_disagrees_with_the_true_reader() {
    let bytes = board();
    let tree = Tree::parse(&bytes).unwrap();
    let map = MemoryMap::survey(&tree, &BootFacts::default());
    assert_eq!(witness::agree(&tree, &map, read), Ok(()));
    let wrong = |change: fn(&mut MemoryMap)| {
        let mut map = map.clone();
        change(&mut map);
        witness::agree(&tree, &map, read)
    };
    assert_eq!(wrong(|map| map.regions[1].no_map = false), Err(of("camera@45000000")));
    assert_eq!(wrong(|map| map.regions[2].reusable = false), Err(of("pool@48000000")));
    assert_eq!(wrong(|map| map.banks[0].span = Some(mib(0, 1))), Err(of("memory@40000000")));
    assert_eq!(wrong(|map| map.banks.clear()), Err(Disagreement::Count(4, 5)));
    assert_eq!(wrong(|map| drop(map.regions.pop())), Err(Disagreement::Count(4, 5)));
}

/// Returns the disagreement about a board with this node at its root, which is not in it.
fn agrees_on(node: NewNode) -> Result<(), Disagreement> {
    let bytes = edited(&board(), |tree, edits| edits.add_node(tree.root().id(), node));
    let tree = Tree::parse(&bytes).unwrap();
    witness::agree(&tree, &MemoryMap::survey(&tree, &BootFacts::default()), read)
}

#[test]
fn both_readers_take_the_same_nodes_for_banks() {
    let bank = |name: &str| NewNode::new(name).prop_str("device_type", "memory");
    let here = reg(&[mib(2048, 64), mib(2200, 8)]);
    let nodes = [
        bank("memory@c0000000").prop("reg", here.clone()),
        bank("memory@c0000000").prop("reg", here.clone()).prop_str("status", "okay"),
        bank("memory@c0000000").prop("reg", here.clone()).prop_str("status", "ok"),
        bank("memory@c0000000").prop("reg", here.clone()).prop_str("status", "disabled"),
        bank("memory@c0000000").prop("reg", here.clone()).prop("linux,usable-memory", here.clone()),
        // Linux reads whole tuples, and stops at a piece of one.
        bank("memory@c0000000").prop("reg", &here[..20]),
        bank("memory@c0000000").prop("reg", &here[..12]),
        bank("memory@c0000000").prop("reg", vec![]),
        // A tuple of size 0 is a placeholder beside others.
        bank("memory@c0000000").prop("reg", [&here[..], &[0; 16]].concat()),
        bank("memory@c0000000"),
        NewNode::new("memory@c0000000").prop("reg", here.clone()),
        NewNode::new("dram@c0000000").prop_str("device_type", "memory").prop("reg", here),
    ];
    for node in nodes {
        assert_eq!(agrees_on(node.clone()), Ok(()), "{node:?}");
    }
}

/// A tuple that cannot be read spoils a region for Linux.
#[test]
fn both_readers_take_all_tuples_of_a_region_or_none() {
    for more in [vec![], vec![0; 16], vec![0xff; 16], vec![0; 12]] {
        let reg = [reg(&[mib(300, 1)]), more].concat();
        let bytes = edited(&board(), |tree, edits| {
            edits.add_node(node(tree, "/reserved-memory"), NewNode::new("tz").prop("reg", reg.clone()));
        });
        let tree = Tree::parse(&bytes).unwrap();
        let map = MemoryMap::survey(&tree, &BootFacts::default());
        assert_eq!(witness::agree(&tree, &map, read), Ok(()), "{reg:?}");
        assert_eq!(map.regions.last().unwrap().spans().len(), usize::from(reg.len() == 16));
    }
}

#[test]
fn both_readers_take_the_same_first_reserved_memory() {
    let second = NewNode::new("reserved-memory@1").child(region("other", mib(500, 1)).prop_empty("no-map"));
    assert_eq!(agrees_on(second), Ok(()));
}

/// Properties that a boot loader overwrote with NOPs are gone for both readers, and nothing after them is.
#[test]
fn both_readers_read_past_nops() {
    let mut bytes = edited(&board(), |tree, edits| {
        edits.add_node(node(tree, "/reserved-memory"), region("tz", mib(300, 1)).prop_empty("no-map"));
    });
    for (path, name) in [("/chosen", "bootargs"), (CAMERA_PATH, "no-map")] {
        let tree = Tree::parse(&bytes).unwrap();
        let node = tree.find(path).unwrap();
        let (value, len) = (node.value_offset(name).unwrap(), node.prop(name).unwrap().value.len());
        let words = value - 12..value + len.next_multiple_of(4);
        words.step_by(4).for_each(|at| bytes[at..at + 4].copy_from_slice(&4u32.to_be_bytes()));
    }
    let tree = Tree::parse(&bytes).unwrap();
    assert!(tree.blob().has_nops() && !tree.find(CAMERA_PATH).unwrap().has_prop("no-map"));
    let map = MemoryMap::survey(&tree, &BootFacts::default());
    assert_eq!(witness::agree(&tree, &map, read), Ok(()));
    let mut wrong = map.clone();
    wrong.regions.last_mut().unwrap().no_map = false;
    assert_eq!(witness::agree(&tree, &wrong, read), Err(of("tz@52c00000")));
}
