//! Plans that take from an owner what it had, or leave without a place what needs one.

use super::*;
use crate::facts::{Kernel, LoaderFacts, Reservation};
use crate::policy::{Allow, CmaWant, Via};

const LOG_PATH: &str = "/reserved-memory/log@4c800000";

fn released(result: Result<Proven, Refusal>) -> Span {
    match result {
        Err(Refusal::Released(span)) => span,
        other => panic!("{other:?}"),
    }
}

fn shrunk(result: Result<Proven, Refusal>) -> String {
    match result {
        Err(Refusal::Shrunk(path)) => path,
        other => panic!("{other:?}"),
    }
}

type Lie = fn(&Tree<'_>, &mut Edits);

#[test]
fn a_reserve_entry_that_a_plan_drops_is_released() {
    let entry = Span::new(ENTRY.0, ENTRY.1).unwrap();
    assert_eq!(released(Scheme::default().prove(|_, edits| edits.set_memreserve(vec![]))), entry);
    let half = |_: &Tree<'_>, edits: &mut Edits| edits.set_memreserve(vec![(ENTRY.0, ENTRY.1 / 2)]);
    assert_eq!(released(Scheme::default().prove(half)).len(), ENTRY.1 / 2);
    // A region instead of it is as good, and a pool is not: Linux uses that.
    let folded = |tree: &Tree<'_>, edits: &mut Edits| {
        edits.set_memreserve(vec![]);
        edits.add_node(node(tree, "/reserved-memory"), region("fw", Span::new(ENTRY.0, ENTRY.1).unwrap()));
    };
    assert!(Scheme::default().prove(folded).is_ok());
    let permitted = Allow { shift: true, restore: true, drop_flags: true, enable: true };
    let policy = Policy { allow: permitted, ..Policy::default() };
    assert_eq!(released(Scheme::under(policy).prove(|_, edits| edits.set_memreserve(vec![]))), entry);
}

#[test]
fn a_mapped_region_that_a_plan_takes_away_is_released() {
    let lies: [(Lie, Span); 4] = [
        (|tree, edits| edits.remove_node(node(tree, LOG_PATH)), mib(200, 1)),
        (|tree, edits| edits.set(node(tree, LOG_PATH), "status", b"disabled\0".to_vec()), mib(200, 1)),
        (|tree, edits| edits.set(node(tree, LOG_PATH), "reg", reg(&[mib(201, 1)])), mib(200, 1)),
        (|tree, edits| edits.set(node(tree, LOG_PATH), "reg", reg(&[mib(200, 2)])), mib(0, 1)),
    ];
    let under = |allow| Scheme::under(Policy { allow, ..Policy::default() });
    for (lie, span) in &lies[..3] {
        assert_eq!(released(Scheme::default().prove(lie)), *span);
        assert_eq!(released(under(Allow { enable: true, ..Allow::default() }).prove(lie)), *span);
        // A plan that may move regions may leave their place.
        assert!(under(Allow { shift: true, ..Allow::default() }).prove(lie).is_ok());
        assert!(under(Allow { restore: true, ..Allow::default() }).prove(lie).is_ok());
    }
    assert!(Scheme::default().prove(lies[3].0).is_ok(), "it may grow");
}

/// What firmware reserves in the other tree is owed whatever the policy permits.
#[test]
fn what_the_loaders_tree_reserves_is_missed() {
    let reserved = vec![Reservation { span: mib(200, 1), no_map: false, name: "log".into() }];
    let loader = Some(LoaderFacts { reserved, ..LoaderFacts::default() });
    let scheme = || {
        let allow = Allow { shift: true, restore: true, ..Allow::default() };
        let facts = BootFacts { loader: loader.clone(), ..BootFacts::default() };
        Scheme { facts, ..Scheme::under(Policy { allow, ..Policy::default() }) }
    };
    assert!(scheme().prove(|_, _| ()).is_ok());
    let found = refused(scheme().prove(|tree, edits| edits.remove_node(node(tree, LOG_PATH))));
    assert_eq!(found, [(RuleId(901), Severity::Error)]);
}

#[test]
fn a_pool_that_a_plan_shrinks_or_drops_is_missed() {
    let lies: [Lie; 3] = [
        |tree, edits| edits.set(node(tree, POOL_PATH), "reg", reg(&[mib(128, 16)])),
        |tree, edits| edits.remove_node(node(tree, POOL_PATH)),
        |tree, edits| edits.set(node(tree, POOL_PATH), "status", b"disabled\0".to_vec()),
    ];
    for lie in lies {
        assert_eq!(shrunk(Scheme::default().prove(lie)), POOL_PATH);
    }
    let moved = |tree: &Tree<'_>, edits: &mut Edits| {
        edits.set(node(tree, POOL_PATH), "reg", reg(&[mib(512, 32)]));
        edits.rename(node(tree, POOL_PATH), "pool@60000000");
    };
    assert!(Scheme::default().prove(moved).is_ok(), "a pool may move");
    // How large the default pool is, the policy may say.
    let cma = Some(CmaWant { size: 16 * MIB, align: None, range: None, via: Via::Node });
    let wanted = Scheme::under(Policy { cma, ..Policy::default() });
    assert!(!matches!(wanted.prove(lies[0]), Err(Refusal::Shrunk(_))));
}

/// What is meant for one device is of no use to another, however large it is.
#[test]
fn a_pool_is_known_by_what_refers_to_it_or_by_its_name() {
    let pool = |name: &str, span| {
        let new = region(name, span).prop_str("compatible", "shared-dma-pool");
        new.prop_empty("reusable")
    };
    let board = edited(&board(), |tree, edits| {
        let home = node(tree, "/reserved-memory");
        edits.add_node(home, pool("heap", mib(400, 64)));
        edits.add_node(home, pool("pool-b", mib(500, 64)).prop_u32("phandle", 3));
        edits.add_node(home, pool("pool-b", mib(600, 32)).prop_u32("phandle", 4));
    });
    let shrinks = |path: &'static str, at: u64| {
        let scheme = Scheme { board: board.clone(), ..Scheme::default() };
        scheme.prove(move |tree, edits| edits.set(node(tree, path), "reg", reg(&[mib(at, 16)])))
    };
    assert!(Scheme { board: board.clone(), ..Scheme::default() }.prove(|_, _| ()).is_ok());
    for (path, at) in [
        (POOL_PATH, 128),
        ("/reserved-memory/heap@59000000", 400),
        ("/reserved-memory/pool-b@5f400000", 500),
        ("/reserved-memory/pool-b@65800000", 600),
    ] {
        assert_eq!(shrunk(shrinks(path, at)), path);
    }
}

/// Returns the board with a dynamic region: 8 MiB, aligned to 2 MiB, from a window of 64 MiB.
fn with_dynamic() -> Vec<u8> {
    edited(&board(), |tree, edits| {
        let heap = NewNode::new("heap")
            .prop_u64("size", 8 * MIB)
            .prop_u64("alignment", 2 * MIB)
            .prop("alloc-ranges", reg(&[mib(256, 32), mib(320, 64)]))
            .prop_u32("phandle", 7);
        edits.add_node(node(tree, "/reserved-memory"), heap);
        edits.add_node(tree.root().id(), NewNode::new("gpu").prop_u32("memory-region", 7));
    })
}

#[test]
fn a_dynamic_region_that_a_plan_misplaces_is_missed() {
    let pinned = |span: Span| {
        let scheme = Scheme { board: with_dynamic(), ..Scheme::default() };
        scheme.prove(move |tree, edits| {
            let heap = node(tree, "/reserved-memory/heap");
            edits.set(heap, "reg", reg(&[span]));
            ["size", "alignment", "alloc-ranges"].iter().for_each(|name| edits.remove_prop(heap, name));
            edits.rename(heap, &alloc::format!("heap@{:x}", span.base()));
        })
    };
    assert!(pinned(mib(256, 8)).is_ok());
    assert!(pinned(mib(374, 10)).is_ok());
    for wrong in [mib(256, 7), mib(257, 8), mib(384, 8), mib(284, 8), mib(512, 8)] {
        assert_eq!(shrunk(pinned(wrong)), "/reserved-memory/heap", "{wrong}");
    }
    let changed = |name: &'static str, value: Vec<u8>| {
        let scheme = Scheme { board: with_dynamic(), ..Scheme::default() };
        scheme.prove(move |tree, edits| edits.set(node(tree, "/reserved-memory/heap"), name, value))
    };
    assert_eq!(shrunk(changed("size", (4 * MIB).to_be_bytes().to_vec())), "/reserved-memory/heap");
    assert_eq!(shrunk(changed("alloc-ranges", reg(&[mib(0, 1024)]))), "/reserved-memory/heap");
}

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

/// The parts of a boot that can be moved, and their places.
fn loaded() -> (BootFacts, Placement) {
    let facts = BootFacts {
        kernel: Some(Kernel { position: Position::Movable(mib(20, 4)), text_offset: 0, image_size: 6 * MIB }),
        initrd: Some(Position::Packed(mib(30, 2))),
        dtb: Some(Position::Unplaced(MIB)),
        ..BootFacts::default()
    };
    let placement = Placement { kernel: Some(mib(20, 6)), initrd: Some(mib(30, 2)), dtb: Some(mib(40, 1)) };
    (facts, placement)
}

#[test]
fn what_a_plan_leaves_without_a_place_is_missed() {
    let (facts, placement) = loaded();
    let missing = |placement: Placement| {
        let failure = compare::unplaced(&facts, &placement);
        match (Scheme { facts: facts.clone(), placement, ..Scheme::default() }).prove(|_, _| ()) {
            Err(Refusal::PlacementFailure(failures)) => assert_eq!(failures.first(), failure.as_ref()),
            other => assert!(other.is_ok() && failure.is_none(), "{other:?}"),
        }
        failure.map(|failure| failure.node)
    };
    assert_eq!(missing(placement), None);
    assert_eq!(missing(Placement { kernel: None, ..placement }).unwrap(), "kernel");
    assert_eq!(missing(Placement { kernel: Some(mib(20, 5)), ..placement }).unwrap(), "kernel");
    assert_eq!(missing(Placement { initrd: None, ..placement }).unwrap(), "initrd");
    assert_eq!(missing(Placement { initrd: Some(mib(30, 1)), ..placement }).unwrap(), "initrd");
    assert_eq!(missing(Placement { dtb: None, ..placement }).unwrap(), "device tree blob");
    // What the loader has placed for good needs no other place.
    let fixed = BootFacts {
        kernel: Some(Kernel { position: Position::Fixed(mib(20, 6)), text_offset: 0, image_size: 6 * MIB }),
        initrd: Some(Position::Fixed(mib(30, 1))),
        dtb: Some(Position::Fixed(mib(32, 2))),
        ..BootFacts::default()
    };
    assert_eq!(compare::unplaced(&fixed, &Placement::default()), None);
    assert_eq!(compare::unplaced(&BootFacts::default(), &Placement::default()), None);
    // Where the policy goes on whatever is left, the stage says what is missing.
    let going_on = Policy { on_error: OnError::Continue, ..Policy::default() };
    assert!(Scheme { facts, ..Scheme::under(going_on) }.prove(|_, _| ()).is_ok());
}

/// What Linux may use is what it might use before: neither more, as memory of a crashed kernel, nor less.
#[test]
fn ram_that_a_plan_caps_or_frees_is_refused() {
    let line = |text: &'static str| {
        move |tree: &Tree<'_>, edits: &mut Edits| edits.set(node(tree, "/chosen"), "bootargs", text.into())
    };
    let other = |result| match result {
        Err(Refusal::OtherRam(span)) => span,
        other => panic!("{other:?}"),
    };
    assert_eq!(other(Scheme::default().prove(line("quiet mem=768M\0"))), mib(768, 256));
    let board = edited(&board(), line("mem=768M quiet\0"));
    let scheme = || Scheme { board: board.clone(), ..Scheme::default() };
    assert_eq!(other(scheme().prove(line("quiet\0"))), mib(768, 256));
    assert_eq!(other(scheme().prove(line("mem=512M\0"))), mib(512, 256));
    assert!(scheme().prove(line("mem=768M quiet cma=16M@0x50000000\0")).is_ok());
}

#[test]
fn ram_that_differs_is_named_by_its_lowest_range() {
    let map = |spans: &[Span]| {
        let bytes = edited(&board(), |tree, edits| {
            edits.set(node(tree, "/memory@40000000"), "reg", reg(spans));
        });
        MemoryMap::survey(&Tree::parse(&bytes).unwrap(), &BootFacts::default())
    };
    let before = map(&[mib(0, 1024)]);
    let other = |spans: &[Span]| compare::other_ram(&before, &map(spans));
    assert_eq!(other(&[mib(0, 1024)]), None);
    assert_eq!(other(&[mib(0, 512), mib(512, 512)]), None);
    assert_eq!(other(&[mib(0, 1025)]), Some(mib(1024, 1)));
    assert_eq!(other(&[mib(1, 1024)]), Some(mib(0, 1)), "the part that is lost comes first");
    assert_eq!(other(&[mib(0, 500), mib(501, 523)]), Some(mib(500, 1)));
}
