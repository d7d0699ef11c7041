//! Device trees, most of them nearly right.

use super::{Board, Child, Extent, Reserved};
use proptest::prelude::*;
use ringfence::span::MIB;

/// The first address of RAM on most generated boards.
pub(super) const RAM: u64 = 0x4000_0000;

/// Addresses near each other, so that regions meet, with some that are unaligned or far away.
pub(super) fn base() -> impl Strategy<Value = u64> {
    prop_oneof![
        12 => (0u64..64).prop_map(|n| RAM + n * MIB),
        4 => (0u64..16).prop_map(|n| RAM + n * 4 * MIB),
        2 => (0u64..0x400).prop_map(|n| RAM + n * 0x4800),
        1 => (0u64..8).prop_map(|n| 0xfff0_0000 + n * MIB),
        1 => (0u64..8).prop_map(|n| 0x1000_0000 + n * MIB),
    ]
}

fn size() -> impl Strategy<Value = u64> {
    prop_oneof![
        8 => (1u64..8).prop_map(|n| n * MIB),
        3 => (1u64..8).prop_map(|n| n * 4 * MIB),
        2 => (1u64..64).prop_map(|n| n * 0x1000),
        2 => 1u64..0x5000,
        1 => Just(0u64),
        1 => prop_oneof![Just(u64::MAX), Just(1 << 30), Just(1 << 40)],
    ]
}

fn spans(most: usize) -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop::collection::vec((base(), size()), 1..=most)
}

fn extent() -> impl Strategy<Value = Extent> {
    let dynamic = (
        size(),
        prop::option::of(prop_oneof![6 => (12u32..26).prop_map(|n| 1u64 << n), 1 => 0u64..0x3000]),
        prop_oneof![2 => Just(Vec::new()), 1 => spans(2)],
    );
    prop_oneof![
        12 => spans(1).prop_map(Extent::Reg),
        2 => spans(3).prop_map(Extent::Reg),
        1 => spans(1).prop_map(Extent::Foreign),
        1 => (spans(1), size()).prop_map(|(spans, size)| Extent::Both(spans, size)),
        4 => dynamic.prop_map(|(size, align, windows)| Extent::Size { size, align, windows }),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Extent::Bytes),
        1 => Just(Extent::Nothing),
    ]
}

fn child() -> impl Strategy<Value = Child> {
    let flags = prop_oneof![
        6 => Just(vec!["no-map"]),
        3 => Just(vec![]),
        3 => Just(vec!["reusable"]),
        1 => Just(vec!["reusable", "linux,cma-default"]),
        1 => Just(vec!["no-map", "reusable"]),
        1 => Just(vec!["no-mem"]),
    ];
    let compatible = prop_oneof![
        4 => Just(None),
        4 => Just(Some("shared-dma-pool")),
        1 => Just(Some("restricted-dma-pool")),
        1 => Just(Some("ramoops")),
        1 => Just(Some("qcom,cmd-db")),
    ];
    let status = prop_oneof![10 => Just(None), 1 => Just(Some("okay")), 2 => Just(Some("disabled"))];
    let user = prop::option::weighted(0.8, 0usize..12);
    (0usize..5, 0u8..8, extent(), flags, compatible, status, user).prop_map(
        |(name, unit, extent, flags, compatible, status, user)| {
            let stem = ["dsp", "camera", "pool", "ramoops", "tz"][name % 5];
            let base = match &extent {
                Extent::Reg(spans) | Extent::Foreign(spans) | Extent::Both(spans, _) => spans[0].0,
                _ => 0,
            };
            let name = match unit {
                0 => stem.to_string(),
                1 => format!("{stem}@0x{base:x}"),
                2 => format!("{stem}@{:x}", base + 0x1000),
                _ if base > 0 => format!("{stem}@{base:x}"),
                _ => stem.to_string(),
            };
            Child { name, extent, flags, compatible, status, user }
        },
    )
}

/// Puts a region inside another one, as boards do on purpose and by mistake.
fn nest(outer: &Child, inner: &mut Child, page: u64, pages: u64) {
    let Extent::Reg(spans) = &outer.extent else { return };
    let (base, size) = spans[0];
    if !(0x10_0000..=1 << 30).contains(&size) {
        return;
    }
    let base = base + page * 0x1000;
    inner.name = format!("inner@{base:x}");
    inner.extent = Extent::Reg(vec![(base, pages * 0x1000)]);
    inner.flags = vec!["no-map"];
}

fn reserved() -> impl Strategy<Value = Reserved> {
    let cells = prop_oneof![
        12 => Just(None),
        1 => (1u32..=2, 1u32..=2).prop_map(Some),
        1 => (0u32..=4, 0u32..=4).prop_map(Some),
    ];
    let nested = prop::option::weighted(0.12, (any::<prop::sample::Index>(), 0u64..4, 1u64..0x100));
    (cells, prop::bool::weighted(0.9), prop::collection::vec(child(), 0..7), nested).prop_map(
        |(cells, ranges, mut regions, nested)| {
            if let Some((which, page, pages)) = nested.filter(|_| regions.len() > 1) {
                let at = which.index(regions.len() - 1);
                let (outer, inner) = regions.split_at_mut(at + 1);
                nest(&outer[at], &mut inner[0], page, pages);
            }
            // Siblings of one name cannot be written on purpose.
            let mut names = std::collections::BTreeSet::new();
            regions.retain(|child: &Child| names.insert(child.name.clone()));
            Reserved { cells, ranges, regions }
        },
    )
}

/// Nodes where no kernel looks for regions: a second one, a misspelled one, a level too deep.
pub(crate) const STRAY: [&str; 3] = ["reserved-memory@1", "reserved_memory", "group"];

fn stray() -> impl Strategy<Value = (&'static str, Vec<Child>)> {
    // Mostly regions that can be moved: beside the others, and with one span.
    let plain = (64u64..96, 1u64..3, any::<bool>()).prop_map(|(at, mib, no_map)| Child {
        name: format!("fw@{:x}", RAM + at * MIB),
        extent: Extent::Reg(vec![(RAM + at * MIB, mib * MIB)]),
        flags: if no_map { vec!["no-map"] } else { vec![] },
        compatible: None,
        status: None,
        user: None,
    });
    // Some have the name of a region that is where it belongs.
    let regions = prop::collection::vec(prop_oneof![6 => plain, 1 => child()], 1..3);
    let children = (regions, prop::bool::weighted(0.3)).prop_map(|(mut regions, same_names)| {
        if !same_names {
            regions.iter_mut().for_each(|child| child.name = format!("x{}", child.name));
        }
        let mut names = std::collections::BTreeSet::new();
        regions.retain(|child: &Child| names.insert(child.name.clone()));
        regions
    });
    (prop::sample::select(&STRAY[..]), children)
}

fn banks() -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop_oneof![
        6 => Just(vec![(RAM, 0x4000_0000)]),
        2 => Just(vec![(RAM, 0xc000_0000), (0x1_0000_0000, 0x4000_0000)]),
        2 => (1u64..40).prop_map(|n| vec![(RAM, n * MIB), (RAM + (n + 2) * MIB, 0x1000_0000)]),
        1 => Just(vec![(RAM, 0)]),
        1 => Just(vec![]),
        1 => Just(vec![(RAM + 0x800, 0x3fff_f000), (RAM + 0x100_0000, 0x5000_0000)]),
    ]
}

/// Pieces of command lines. Kernels misread some of them.
fn bootargs() -> impl Strategy<Value = Option<String>> {
    let word = prop_oneof![
        4 => Just("quiet".to_string()),
        1 => Just("console=ttyAMA0,115200 ".to_string()),
        1 => Just("\"a b\"".to_string()),
        1 => Just("init=\"/bin/sh -c cma=1M\"".to_string()),
        1 => Just("--".to_string()),
        1 => Just("\"open".to_string()),
        1 => Just("mem=512M".to_string()),
        2 => (0u64..80).prop_map(|n| format!("cma={n}M")),
        3 => (0u64..40, base()).prop_map(|(n, at)| format!("cma={}M@{at:#x}", n * 2)),
        1 => (1u64..40, base()).prop_map(|(n, at)| format!("cma={n}M@{at:#x}-{:#x}", at + 0x400_0000)),
        1 => Just("cma=64".to_string()),
        1 => Just("cma=".to_string()),
        1 => Just("cma".to_string()),
    ];
    prop_oneof![
        1 => Just(None),
        4 => prop::collection::vec(word, 0..5).prop_map(|words| Some(words.join(" "))),
    ]
}

/// Returns a strategy on the heap, since it is large and a case has two of them.
pub(super) fn board() -> BoxedStrategy<Board> {
    let root = prop_oneof![8 => Just((2u32, 2u32)), 1 => Just((2, 1)), 1 => Just((1, 1)), 1 => Just((1, 2))];
    let memreserve = prop_oneof![2 => Just(vec![]), 1 => spans(3)];
    (
        root,
        banks(),
        prop::option::weighted(0.95, reserved()),
        prop::option::weighted(0.08, stray()),
        memreserve,
        bootargs(),
        prop::option::weighted(0.2, (base(), 1u64..0x80_0000)),
        prop::bool::weighted(0.8),
    )
        .prop_map(|(root, banks, reserved, stray, mut memreserve, bootargs, initrd, symbols)| {
            memreserve.retain(|&(_, size)| size != 0);
            Board { root, banks, reserved, stray, memreserve, bootargs, initrd, symbols }
        })
        .boxed()
}
