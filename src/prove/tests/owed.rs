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

/// Many of them, in no order of names.
#[test]
fn each_pool_may_move() {
    let names = ["d", "b", "e", "a", "c"];
    let at = |nth: usize| mib(400 + 32 * nth as u64, 16);
    let board = edited(&board(), |tree, edits| {
        for (nth, name) in names.iter().enumerate() {
            let new = region(name, at(nth)).prop_str("compatible", "shared-dma-pool").prop_empty("reusable");
            edits.add_node(node(tree, "/reserved-memory"), new);
        }
    });
    for (nth, name) in names.iter().enumerate() {
        let scheme = Scheme { board: board.clone(), ..Scheme::default() };
        let proven = scheme.prove(|tree, edits| {
            let pool = node(tree, &alloc::format!("/reserved-memory/{name}@{:x}", at(nth).base()));
            edits.set(pool, "reg", reg(&[mib(800, 16)]));
            edits.rename(pool, &alloc::format!("{name}@{:x}", mib(800, 16).base()));
        });
        assert!(proven.is_ok(), "{name}: {proven:?}");
    }
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

/// How large a region of a name is that the policy requires, the policy says.
#[test]
fn a_dynamic_region_may_get_the_size_that_the_policy_requires() {
    let half = |tree: &Tree<'_>, edits: &mut Edits| {
        let heap = node(tree, "/reserved-memory/heap");
        edits.set(heap, "size", (4 * MIB).to_be_bytes().to_vec());
    };
    let key = Key::Path("/reserved-memory/heap".into());
    let carveout = Carveout { key, base: None, size: 4 * MIB, no_map: false };
    let policy = Policy { requirements: vec![Requirement::Carveout(carveout)], ..Policy::default() };
    let proven = Scheme { board: with_dynamic(), ..Scheme::under(policy) }.prove(half);
    assert!(!matches!(proven, Err(Refusal::Shrunk(_))), "{proven:?}");
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
