//! Stage-2 maps against a reference walk: for any holes, banks and address widths, the MMU finds what the
//! specification of the map says.
//!
//! `PROPTEST_CASES=100000` looks at more cases.

use super::*;
use proptest::prelude::*;

/// What an access to an address meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Fault,
    Memory { output: u64, write: bool, execute: bool },
}

/// Walks as the MMU does, from the registers alone (DDI 0487, D8.2 and D8.3): knows nothing of the builder.
fn walk(pool: &[Table], base: u64, vtcr: u64, root: u64, address: u64) -> Found {
    let bits = 64 - (vtcr & 0x3f);
    assert_eq!((vtcr >> 14 & 3, vtcr >> 6 & 3), (0, 1), "4 KiB granule, from level 1");
    if address >> bits != 0 {
        return Found::Fault;
    }
    let concatenated = 1 << bits.saturating_sub(39);
    assert_eq!(root % (4096 * concatenated), 0, "VTTBR is aligned to all root tables");
    let mut table = root + (address >> 39) * 4096;
    for level in 1..=3 {
        let low = 39 - 9 * level;
        let entry = pool[((table - base) / 4096) as usize].0[(address >> low) as usize % 512];
        let next = entry & 0x0000_ffff_ffff_f000;
        match (entry & 3, level) {
            (0 | 2, _) => return Found::Fault,
            (3, 1 | 2) => table = next,
            (1, 3) => return Found::Fault,
            _ => {
                assert_eq!(entry >> 10 & 1, 1, "the access flag");
                assert_eq!(entry >> 2 & 0xf, 0xf, "normal memory, cached");
                assert_eq!(next % (1 << low), 0, "a block is aligned to its size");
                if entry >> 6 & 1 == 0 {
                    return Found::Fault;
                }
                let output = next | address & ((1 << low) - 1);
                return Found::Memory { output, write: entry >> 7 & 1 == 1, execute: entry >> 53 & 3 == 0 };
            }
        }
    }
    unreachable!()
}

/// What must be found at an address.
fn specified(bits: u32, holes: &[Span], readable: &[Span], address: u64) -> Found {
    let touches = |spans: &[Span]| spans.iter().any(|span| span.outward(PAGE).unwrap().contains(address));
    match () {
        () if address >> bits != 0 || touches(holes) => Found::Fault,
        () => {
            let all = !touches(readable);
            Found::Memory { output: address, write: all, execute: all }
        }
    }
}

fn check(base: u64, bits: u32, holes: &[Span], readable: &[Span], others: &[u64]) -> usize {
    let count = tables_needed(bits, holes.len() + readable.len());
    // What was in the memory before must not matter.
    let mut pool = vec![Table([u64::MAX; ENTRIES]); count];
    let mut map = Map::everything(&mut pool, base, bits).unwrap();
    holes.iter().for_each(|&hole| map.restrict(hole, Grant::Nothing).unwrap());
    readable.iter().for_each(|&span| map.restrict(span, Grant::Read).unwrap());
    let used = map.tables_used();
    let vtcr = control(bits, 5);
    let edges = holes.iter().chain(readable).flat_map(|span| {
        let span = span.outward(PAGE).unwrap();
        let middle = span.base() + span.len() / 2;
        [span.base(), span.last(), middle, span.base().saturating_sub(1), span.end()]
    });
    let block = |at: u64| [at & !0x1f_ffff, at & !0x3fff_ffff, at | 0x1f_ffff, at | 0x3fff_ffff];
    let edges: Vec<u64> = edges.collect();
    let around: Vec<u64> = edges.iter().flat_map(|&at| block(at)).collect();
    let ends = [0, (1 << bits) - 1, 1 << bits, u64::MAX];
    for at in edges.into_iter().chain(around).chain(ends).chain(others.iter().copied()) {
        let found = walk(&pool, base, vtcr, base, at);
        assert_eq!(found, specified(bits, holes, readable, at), "at {at:#x} of {bits} bits");
    }
    used
}

/// Spans of all sizes, on and off pages and blocks, some beside each other and some over another.
fn spans(bits: u32) -> impl Strategy<Value = Vec<Span>> {
    let one = (any::<u64>(), 0u32..35, 0u32..35, any::<u64>()).prop_filter_map(
        "beyond the address space",
        move |(base, align, log, more)| {
            let base = (base & ((1 << bits) - 1)) >> align << align;
            Span::new(base, (1 << log) + more % (1 << log.min(22)))
        },
    );
    let pair = (one, any::<bool>(), 1u64..0x60_0000).prop_map(|(span, beside, size)| {
        let next = Span::new(span.end(), size).filter(|_| beside);
        [Some(span), next].into_iter().flatten().collect::<Vec<_>>()
    });
    prop::collection::vec(pair, 0..8).prop_map(|pairs| pairs.into_iter().flatten().collect())
}

/// Banks of RAM, from which the address bits follow, a processor's bits, holes, and what is only read.
fn case() -> impl Strategy<Value = (u32, Vec<Span>, Vec<Span>, Vec<u64>)> {
    let banks = prop::collection::vec((0u64..1 << 31, 1u64..1 << 24), 1..4);
    let physical = prop::sample::select(vec![32u32, 36, 40, 42, 44, 48]);
    (banks, physical, 0u32..12).prop_flat_map(|(banks, physical, up)| {
        let banks: Vec<Span> = banks
            .iter()
            .filter_map(|&(base, pages)| Span::new(base << (12 + up.min(3)), pages << 12))
            .collect();
        let end = banks.iter().map(|bank| bank.end()).max().unwrap_or(0);
        let bits = bits(end, physical).unwrap_or(MAX_BITS);
        let anywhere = prop::collection::vec(any::<u64>().prop_map(move |at| at & ((1 << bits) - 1)), 0..32);
        let edges: Vec<u64> = banks.iter().flat_map(|bank| [bank.base(), bank.last()]).collect();
        let others = anywhere.prop_map(move |mut at| {
            at.extend(&edges);
            at
        });
        let readable = prop::collection::vec(spans(bits), 0..2).prop_map(|all| all.concat());
        (Just(bits), spans(bits), readable, others)
    })
}

fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { 10_000 };
    ProptestConfig { cases, failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_mmu_finds_what_the_map_says((bits, holes, readable, others) in case(), mib in 0u64..1 << 20) {
        // All root tables need up to 64 KiB of alignment, which the sentinel's memory has.
        check(mib << 20, bits, &holes, &readable, &others);
    }
}

fn span(base: u64, size: u64) -> Span {
    Span::new(base, size).unwrap()
}

#[test]
fn the_carveouts_of_a_phone_take_nine_tables() {
    let phone = [
        (0x8180_0000, 0x1e0_0000),
        (0x8430_0000, 0x50_0000),
        (0x8480_0000, 0x190_0000),
        (0x8610_0000, 0x280_0000),
        (0xd080_0000, 0x10_0000),
        (0xd100_0000, 0x4_0000),
    ];
    let holes = phone.map(|(base, size)| span(base, size));
    assert_eq!(check(0x1_0000_0000, 40, &holes, &[], &[]), 9);
}

#[test]
fn the_bits_reach_the_highest_address_and_no_further_than_the_processor() {
    assert_eq!(bits(0x1_0000_0000, 48), Some(40));
    assert_eq!(bits((1 << 40) + 1, 48), Some(41));
    assert_eq!(bits(1 << 43, 48), Some(43));
    assert_eq!(bits((1 << 43) + 1, 48), None);
    assert_eq!(bits(1 << 47, 42), Some(42));
    assert_eq!((bits(1 << 47, 36), bits(0, 32)), (Some(36), Some(32)));
}

#[test]
fn the_control_register_says_how_many_bits() {
    assert_eq!(control(40, 2), 0x8002_3558);
    assert_eq!(control(39, 5), 0x8005_3559);
    assert_eq!(control(43, 6), 0x8005_3555, "52 address bits are more than a 4 KiB granule describes");
}

#[test]
fn limits_are_errors() {
    let mut pool = vec![Table::EMPTY; 3];
    assert!(matches!(Map::everything(&mut pool, 0, 44), Err(MapError::BeyondAddressSize { bits: 43, .. })));
    assert!(matches!(Map::everything(&mut pool, 0x1000, 40), Err(MapError::Unaligned { base: 0x1000 })));
    assert!(matches!(Map::everything(&mut pool, 0, 41), Err(MapError::OutOfTables { pool: 3 })));
    let mut map = Map::everything(&mut pool, 0, 40).unwrap();
    assert_eq!(map.restrict(span(0x1000, 0x1000), Grant::Nothing), Err(MapError::OutOfTables { pool: 3 }));
}
