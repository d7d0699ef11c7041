//! Trees with regions of every kind anywhere: nothing that the loader's reserves is left open in silence.

use super::board::*;
use proptest::prelude::*;
use ringfence::facts::BootFacts;
use ringfence::fdt::{NewNode, Tree, build};
use ringfence::ledger;
use ringfence::policy::Policy;
use ringfence::span::Span;
use ringfence::survey::MemoryMap;

/// Returns a region somewhere in 64 MiB, in one of the forms, with one of few names.
fn any_region() -> impl Strategy<Value = NewNode> {
    (0_u64..64, 1_u64..12, 0..4, 0_usize..3).prop_map(|(base, size, kind, name)| {
        let name = ["tz", "dsp", "log"][name];
        match kind {
            0 => region(name, base, size),
            1 => pool(name, base, size),
            _ => carveout(name, base, size),
        }
    })
}

fn any_tree() -> impl Strategy<Value = Vec<u8>> {
    let regions = prop::collection::vec(any_region(), 0..8);
    let entries = prop::collection::vec((0_u64..64, 1_u64..4), 0..3);
    (regions, entries, 32_u64..80).prop_map(|(mut regions, entries, ram)| {
        regions.sort_by(|a, b| a.name.cmp(&b.name));
        regions.dedup_by(|a, b| a.name == b.name);
        let entries: Vec<(u64, u64)> =
            entries.into_iter().map(|(base, size)| span(base, size)).map(|s| (s.base(), s.len())).collect();
        build(&root(ram, [reserved(regions)]), 0, &entries).unwrap()
    })
}

fn carveouts(dtb: &[u8]) -> (Vec<Span>, Vec<Span>) {
    let map = MemoryMap::survey(&Tree::parse(dtb).unwrap(), &BootFacts::default());
    (ledger::union(map.carveouts().collect()), map.ram.spans().to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn every_carveout_of_both_trees_is_kept_or_reported((own, loader) in (any_tree(), any_tree())) {
        let booted = boot(&own, &loader, None, &Policy::default());
        let (after, ram) = carveouts(&booted.dtb);
        prop_assert_eq!(ledger::subtract(&carveouts(&own).0, &after), vec![], "the bundle's own");
        let lost = ledger::subtract(&carveouts(&loader).0, &after);
        let lost = lost.iter().any(|span| ram.iter().any(|bank| bank.overlaps(*span)));
        let reported = booted.errors().contains(&"RF901".to_string());
        prop_assert!(!lost || reported, "{:?}", booted.merged.facts);
        prop_assert_eq!(ram, carveouts(&loader).1);
    }
}
