//! Plans that leave two owners the same bytes, and only hide it.

use super::*;

/// Returns the board with two owners of the DSP's bytes.
fn with_shared() -> Vec<u8> {
    edited(&board(), |tree, edits| {
        let modem = NewNode::new("fw@4d200000").prop("reg", reg(&[mib(210, 1), mib(60, 12)]));
        let modem = modem.prop_empty("no-map").prop_u32("phandle", 2);
        edits.add_node(node(tree, "/reserved-memory"), modem);
        edits.add_node(tree.root().id(), NewNode::new("modem").prop_u32("memory-region", 2));
    })
}

/// Splits one of the two owners.
fn split(tree: &Tree<'_>, edits: &mut Edits) {
    let fw = node(tree, "/reserved-memory/fw@4d200000");
    edits.set(fw, "reg", reg(&[mib(210, 1)]));
    edits.add_node_after(fw, region("fw-1", mib(60, 12)).prop_empty("no-map"));
}

/// Two owners share bytes. A plan that splits one of them leaves its further tuple without a user, so that it
/// looks like an umbrella over the other.
#[test]
fn an_overlap_that_a_plan_only_hides_is_shared() {
    let board = with_shared();
    match (Scheme { board: board.clone(), ..Scheme::default() }).prove(split) {
        Err(Refusal::Shared(span)) => assert_eq!(span, dsp()),
        other => panic!("{other:?}"),
    }
    // Where the policy goes on whatever is left, it goes on.
    let going_on = Policy { on_error: OnError::Continue, ..Policy::default() };
    assert!(Scheme { board: board.clone(), ..Scheme::under(going_on) }.prove(split).is_ok());
    // It is solved where one of the two is gone from the shared bytes.
    let solved = |tree: &Tree<'_>, edits: &mut Edits| {
        let fw = node(tree, "/reserved-memory/fw@4d200000");
        edits.set(fw, "reg", reg(&[mib(210, 1)]));
        edits.add_node_after(fw, region("fw-1", mib(60, 4)).prop_empty("no-map"));
        edits.add_node_after(fw, region("fw-2", mib(68, 4)).prop_empty("no-map"));
    };
    assert!(Scheme { board: board.clone(), ..Scheme::default() }.prove(solved).is_ok());
    let left = |tree: &Tree<'_>, edits: &mut Edits| {
        split(tree, edits);
        edits.set(node(tree, DSP_PATH), "reg", reg(&[mib(220, 4)]));
        edits.rename(node(tree, DSP_PATH), "dsp@4dc00000");
    };
    assert!(Scheme { board, ..Scheme::default() }.prove(left).is_ok());
}

/// More overlaps than a survey lists are below the one that is hidden.
#[test]
fn an_overlap_is_shared_however_many_there_were() {
    let name = |index| alloc::format!("twin-{index}@41000000");
    let crowded = |twins: usize| {
        edited(&with_shared(), |tree, edits| {
            for index in 0..twins {
                let twin = NewNode::new(&name(index)).prop("reg", reg(&[mib(16, 1)])).prop_empty("no-map");
                edits.add_node(node(tree, "/reserved-memory"), twin);
            }
        })
    };
    for twins in [1, 2, 60] {
        let lie = |tree: &Tree<'_>, edits: &mut Edits| {
            split(tree, edits);
            for index in 1..twins {
                edits.remove_node(node(tree, &alloc::format!("/reserved-memory/{}", name(index))));
            }
        };
        match (Scheme { board: crowded(twins), ..Scheme::default() }).prove(lie) {
            Err(Refusal::Shared(span)) => assert_eq!(span, dsp()),
            other => panic!("{twins} twins: {other:?}"),
        }
    }
}

/// Many regions of the same bytes can make more pairs than are worth a look.
#[test]
fn more_pairs_than_are_compared_are_refused() {
    let twins = |count: usize| {
        edited(&board(), |tree, edits| {
            let home = node(tree, "/reserved-memory");
            let all = (0..count).flat_map(|index| {
                let outer = region(&alloc::format!("outer-{index}"), mib(400, 8));
                let inner = region(&alloc::format!("inner-{index}"), mib(402, 1));
                [outer, inner.prop_u32("phandle", 10 + index as u32)]
            });
            all.for_each(|new| edits.add_node(home, new.prop_empty("no-map")));
            let users: Vec<u8> = (0..count).flat_map(|index| (10 + index as u32).to_be_bytes()).collect();
            edits.add_node(tree.root().id(), NewNode::new("user").prop("memory-region", users));
        })
    };
    let (one, few, many) = (twins(1), twins(20), twins(120));
    let shared = |before: &[u8]| {
        let (profile, facts) = (KernelProfile::default(), BootFacts::default());
        let analysis = |bytes| {
            let tree = Tree::parse(bytes).unwrap();
            let map = MemoryMap::survey(&tree, &facts);
            Analysis::new(tree, map, Context { policy: None, profile: &profile, facts: &facts })
        };
        compare::shared(&analysis(before), &analysis(&one))
    };
    assert_eq!(shared(&one), None, "an umbrella");
    assert_eq!(shared(&few), None, "all umbrellas");
    assert_eq!(shared(&many), Some(mib(402, 1)), "more than are looked at");
}

/// An umbrella over the region of a device is meant, and stays.
#[test]
fn what_is_nested_on_purpose_is_not_shared() {
    let board = edited(&board(), |tree, edits| {
        let umbrella = region("tz", mib(60, 12)).prop_empty("no-map");
        edits.add_node(node(tree, "/reserved-memory"), umbrella);
    });
    assert!(Scheme { board, ..Scheme::default() }.prove(|_, _| ()).is_ok());
}

/// Two regions of the same bytes, each with a user.
#[test]
fn twins_that_a_plan_leaves_are_shared() {
    let board = edited(&board(), |tree, edits| {
        let twin = NewNode::new("fw@4d200000").prop("reg", reg(&[mib(210, 1), dsp()]));
        let twin = twin.prop_empty("no-map").prop_u32("phandle", 2);
        edits.add_node(node(tree, "/reserved-memory"), twin);
        edits.add_node(tree.root().id(), NewNode::new("modem").prop_u32("memory-region", 2));
    });
    let analysis_of = |bytes: &[u8], then: &mut dyn FnMut(&Analysis<'_, '_>)| {
        let (facts, profile) = (BootFacts::default(), KernelProfile::default());
        let tree = Tree::parse(bytes).unwrap();
        let map = MemoryMap::survey(&tree, &facts);
        then(&Analysis::new(tree, map, Context { policy: None, profile: &profile, facts: &facts }));
    };
    let after = edited(&board, |tree, edits| {
        let fw = node(tree, "/reserved-memory/fw@4d200000");
        edits.set(fw, "reg", reg(&[mib(210, 1)]));
        edits.add_node_after(fw, region("fw-1", dsp()).prop_empty("no-map"));
    });
    let alone = edited(&board, |tree, edits| {
        edits.set(node(tree, "/reserved-memory/fw@4d200000"), "reg", reg(&[mib(210, 1)]));
    });
    analysis_of(&board, &mut |before| {
        analysis_of(&after, &mut |after| assert_eq!(compare::shared(before, after), Some(dsp())));
        analysis_of(&alone, &mut |after| assert_eq!(compare::shared(before, after), None));
    });
}

/// Of two owners of the same bytes one is moved. A reserve entry that is there, too, is not an owner.
#[test]
fn an_entry_over_a_region_is_not_a_second_region() {
    let board = edited(&board(), |tree, edits| {
        edits.set_memreserve(vec![ENTRY, (dsp().base(), dsp().len())]);
        edits.add_node_after(node(tree, DSP_PATH), region("twin", dsp()).prop_empty("no-map"));
    });
    let proven = (Scheme { board, ..Scheme::default() }).prove(|tree, edits| {
        let twin = node(tree, "/reserved-memory/twin@44000000");
        edits.set(twin, "reg", reg(&[mib(220, 4)]));
        edits.rename(twin, "twin@4dc00000");
    });
    assert!(proven.is_ok(), "{proven:?}");
}
