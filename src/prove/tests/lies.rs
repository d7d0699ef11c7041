//! Plans that would expose, lose, overlap, misplace or enlarge something.

use super::*;
use crate::facts::Kernel;
use crate::policy::ProtectedRange;

#[test]
fn a_carveout_that_a_plan_shrinks_is_exposed_where_it_was() {
    let shrunk = |tree: &Tree<'_>, edits: &mut Edits| {
        edits.set(node(tree, CAMERA_PATH), "reg", reg(&[mib(CAMERA.0, 6)]));
    };
    assert_eq!(exposed_span(Scheme::default().prove(shrunk)), mib(CAMERA.0 + 6, 2));
}

#[test]
fn a_carveout_that_a_plan_moves_is_exposed_where_it_was() {
    let moved = |tree: &Tree<'_>, edits: &mut Edits| {
        edits.set(node(tree, CAMERA_PATH), "reg", reg(&[mib(CAMERA.0 + 1, CAMERA.1)]));
        edits.rename(node(tree, CAMERA_PATH), "camera@45100000");
    };
    assert_eq!(exposed_span(Scheme::default().prove(moved)), mib(CAMERA.0, 1));
}

#[test]
fn a_carveout_that_a_plan_removes_maps_or_disables_is_exposed() {
    type Lie = fn(&Tree<'_>, &mut Edits);
    let lies: [Lie; 3] = [
        |tree, edits| edits.remove_node(node(tree, CAMERA_PATH)),
        |tree, edits| edits.remove_prop(node(tree, CAMERA_PATH), "no-map"),
        |tree, edits| edits.set(node(tree, CAMERA_PATH), "status", b"disabled\0".to_vec()),
    ];
    for lie in lies {
        assert_eq!(exposed_span(Scheme::default().prove(lie)), camera());
    }
}

#[test]
fn the_lowest_exposed_byte_is_named() {
    let both = |tree: &Tree<'_>, edits: &mut Edits| {
        edits.remove_prop(node(tree, CAMERA_PATH), "no-map");
        edits.set(node(tree, DSP_PATH), "reg", reg(&[mib(DSP.0, 1)]));
    };
    assert_eq!(exposed_span(Scheme::default().prove(both)), mib(DSP.0 + 1, 3));
}

#[test]
fn what_the_policy_requires_is_exposed_even_where_no_rule_says_so() {
    let map = |bytes: &[u8]| MemoryMap::survey(&Tree::parse(bytes).unwrap(), &BootFacts::default());
    let (before, after) = (map(&board()), map(&board()));
    let requiring = |requirement| Policy { requirements: vec![requirement], ..Policy::default() };
    let lies = |requirement| compare::exposed(&before, Some(&requiring(requirement)), &after);
    assert_eq!(compare::exposed(&before, None, &after), None);
    assert_eq!(lies(required(DSP_PATH, dsp())), None);
    assert_eq!(lies(required(DSP_PATH, mib(DSP.0, 5))), Some(mib(DSP.0 + 4, 1)));
    let mapped = Carveout { key: Key::Path("/x".into()), base: Some(RAM), size: MIB, no_map: false };
    assert_eq!(lies(Requirement::Carveout(mapped)), None, "it may be mapped");
    // A range is owed only as far as it is RAM.
    let range = |base, size| ProtectedRange::new("secmon".into(), base, size).unwrap().into();
    assert_eq!(lies(range(RAM - MIB, MIB)), None);
    assert_eq!(lies(range(RAM - MIB, 2 * MIB)), Some(mib(0, 1)));
    assert_eq!(lies(range(dsp().base(), MIB)), None);
}

#[test]
fn what_no_edit_names_is_not_lost() {
    let loss = |rewriter: fn(&Tree<'_>, &mut Edits)| match Scheme::default().prove_written(rewriter) {
        Err(Refusal::Lost(loss)) => loss,
        other => panic!("{other:?}"),
    };
    assert_eq!(loss(|t, e| e.remove_node(node(t, "/remoteproc"))), Loss::Node("/remoteproc".into()));
    assert_eq!(loss(|t, e| e.rename(node(t, CAMERA_PATH), "cam")), Loss::Node(CAMERA_PATH.into()));
    let prop = Loss::Prop(DSP_PATH.into(), "reg".into());
    assert_eq!(loss(|t, e| e.set(node(t, DSP_PATH), "reg", reg(&[mib(64, 8)]))), prop);
    assert_eq!(loss(|_, e| e.set_memreserve(vec![])), Loss::Header);
}

#[test]
fn what_is_lost_on_the_way_is_lost() {
    let board = board();
    let tree = Tree::parse(&board).unwrap();
    let without = edited(&board, |tree, edits| edits.remove_node(node(tree, CAMERA_PATH)));
    let edits = Rewrites::ending_with(Edits::new()).starting_with(Edits::new(), without.clone());
    let last = Tree::parse(&without).unwrap();
    let lost =
        edits.each(&tree, &last, |old, edits, new| nothing_lost(old, edits, new).map_err(Refusal::Lost));
    assert!(matches!(lost, Err(Refusal::Lost(Loss::Node(path))) if path == CAMERA_PATH));
}

#[test]
fn regions_that_a_plan_makes_overlap_are_refused() {
    // All old bytes stay protected.
    let grown = |tree: &Tree<'_>, edits: &mut Edits| {
        edits.set(node(tree, DSP_PATH), "reg", reg(&[mib(DSP.0, 20)]));
    };
    assert_eq!(refused(Scheme::default().prove(grown)), [(RuleId(201), Severity::Error)]);
}

#[test]
fn what_a_plan_places_over_another_owner_is_refused() {
    let all = Placement { kernel: Some(mib(20, 6)), initrd: Some(mib(30, 1)), dtb: Some(mib(32, 2)) };
    let cases = [
        (Placement { kernel: Some(mib(62, 6)), ..all }, 205),
        (Placement { initrd: Some(mib(63, 2)), ..all }, 205),
        (Placement { dtb: Some(mib(66, 2)), ..all }, 205),
        (Placement { kernel: Some(mib(8, 6)), initrd: Some(mib(10, 1)), ..all }, 206),
        (Placement { initrd: Some(mib(1023, 2)), ..all }, 206),
        (Placement { kernel: Some(mib(1, 6)), ..all }, 206),
    ];
    for (placement, rule) in cases {
        let found = refused(Scheme { facts: loaded(), placement, ..Scheme::default() }.prove(|_, _| ()));
        assert_eq!(found, [(RuleId(rule), Severity::Error)], "{placement:?}");
    }
}

/// Returns a boot whose parts are in memory and can all be moved.
fn loaded() -> BootFacts {
    BootFacts {
        kernel: Some(Kernel { position: Position::Movable(mib(20, 6)), text_offset: 0, image_size: 6 * MIB }),
        initrd: Some(Position::Movable(mib(30, 1))),
        dtb: Some(Position::Movable(mib(32, 2))),
        ..BootFacts::default()
    }
}

#[test]
fn a_pool_that_a_plan_misplaces_is_refused() {
    let misaligned = |tree: &Tree<'_>, edits: &mut Edits| {
        let span = Span::new(RAM + 128 * MIB + 0x1000, 32 * MIB).unwrap();
        edits.set(node(tree, POOL_PATH), "reg", reg(&[span]));
        edits.rename(node(tree, POOL_PATH), "pool@48001000");
    };
    assert_eq!(refused(Scheme::default().prove(misaligned)), [(RuleId(302), Severity::Error)]);
    let beyond = |tree: &Tree<'_>, edits: &mut Edits| {
        edits.set(node(tree, POOL_PATH), "reg", reg(&[mib(1024, 32)]));
        edits.rename(node(tree, POOL_PATH), "pool@80000000");
    };
    assert_eq!(refused(Scheme::default().prove(beyond))[0], (RuleId(303), Severity::Error));
}

#[test]
fn a_tree_that_outgrows_its_window_is_refused() {
    let len = board().len() as u64;
    let window = |bytes| {
        let dtb = Span::new(RAM + 16 * MIB, bytes);
        let placement = Placement { dtb, ..Placement::default() };
        Scheme { placement, ..Scheme::default() }.prove(|_, _| ())
    };
    assert!(window(len).is_ok());
    match window(len - 1) {
        Err(Refusal::TooLarge { len: is, room }) => assert_eq!((is as u64, room), (len, len - 1)),
        other => panic!("{other:?}"),
    }
    // No kernel maps more than 2 MiB, whatever the window.
    let placement = Placement { dtb: Some(mib(16, 8)), ..Placement::default() };
    let large = |tree: &Tree<'_>, edits: &mut Edits| {
        edits.add_node(node(tree, "/chosen"), NewNode::new("ringfence").prop("filler", vec![0; 2 << 20]));
    };
    match (Scheme { placement, ..Scheme::default() }).prove(large) {
        Err(Refusal::TooLarge { len, room }) => assert!(len > 2 << 20 && room == 2 << 20),
        other => panic!("{other:?}"),
    }
}

#[test]
fn bytes_that_are_not_a_tree_are_refused() {
    let result = Scheme::default().run(|_, _| (), |_| Some(vec![0xd0, 0x0d, 0xfe, 0xed]));
    assert!(matches!(result, Err(Refusal::Fdt(_))));
}

#[test]
fn a_plan_that_is_stuck_is_refused_whatever_its_edits() {
    let stuck = || vec![PlacementFailure { node: "/reserved-memory/heap".into(), why: "no room".into() }];
    match (Scheme { stuck: stuck(), ..Scheme::default() }).prove(|_, _| ()) {
        Err(Refusal::PlacementFailure(failures)) => assert_eq!(failures, stuck()),
        other => panic!("{other:?}"),
    }
}
