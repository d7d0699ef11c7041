//! Checks the invariants of repairs on generated boards: total, fail closed, monotone, disjoint, nothing
//! lost, idempotent.
//!
//! The seed is fixed, so that a run can be repeated. `PROPTEST_RNG_SEED` sets another, and `PROPTEST_CASES`
//! the number of cases: `cargo xtask test` runs several seeds, optimised. A failure prints the seed, and the
//! shrunk case as Rust for `found.rs`.

mod check;
mod found;
mod generate;
mod predicted;
mod reading;

use check::run;
use generate::{case, two_trees};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use ringfence::bootargs;
use ringfence::span::Span;

fn config() -> Config {
    let config = seeded();
    println!("seed: {:?}", config.rng_seed);
    config
}

fn seeded() -> Config {
    let default = Config::default();
    Config {
        cases: if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { 250 },
        rng_seed: match default.rng_seed {
            RngSeed::Random => RngSeed::Fixed(7),
            chosen => chosen,
        },
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..default
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_is_proven_keeps_every_promise(case in case()) {
        check::promises(&case)?;
    }

    #[test]
    fn edits_and_reported_repairs_go_together(case in case()) {
        check::edits_and_repairs(&case)?;
    }

    #[test]
    fn damaged_bytes_never_panic(
        case in case(),
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let mut dtb = case.board.blob();
        for (at, byte) in hits {
            let at = at.index(dtb.len());
            dtb[at] = byte;
        }
        let _ = run(&case, &dtb);
    }

    #[test]
    fn any_command_line_takes_and_gives_back_a_cma(words in prop::collection::vec("[ -~]{0,12}", 0..6)) {
        let line = words.join(" ").into_bytes();
        let arg = bootargs::CmaArg::at(Span::new(0x5000_0000, 0x400_0000).unwrap());
        let with = bootargs::with_cma(&line, Some(&arg));
        if bootargs::cma(&with) == Some(arg) {
            let others = |line: &[u8]| -> Vec<Vec<u8>> {
                let kept = bootargs::args(line).filter(|a| a.param != b"cma" || a.value.is_none());
                kept.map(|a| line[a.range].to_vec()).collect()
            };
            prop_assert_eq!(others(&line), others(&with), "the neighbours of cma= changed");
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: config().cases / 5, ..config() })]

    #[test]
    fn what_is_proven_of_two_trees_keeps_the_promises_of_both(case in two_trees()) {
        check::promises(&case)?;
    }
}

proptest! {
    // Each case is judged for every family of kernels.
    #![proptest_config(Config { cases: config().cases / 15, ..config() })]

    #[test]
    fn what_kernels_fail_at_is_found_and_what_is_found_fails(case in case()) {
        predicted::agree(&case)?;
    }
}

/// Checks the generator: if all of its trees were refused, the invariants would prove nothing.
#[test]
fn the_generator_reaches_every_sort_of_end() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::new(config());
    let (mut untouched, mut repaired, mut refused) = (0, 0, 0);
    let mut kinds = std::collections::BTreeMap::new();
    let rare = ["gather", "respell", "hoist", "rewrite-reg", "add-no-map", "drop-size", "drop-flags"];
    for count in 0..5000 {
        // What is rare may take longer.
        let is_rare_seen = untouched > 30 && rare.iter().all(|kind| kinds.contains_key(kind));
        if count >= 1000 && is_rare_seen {
            break;
        }
        let case = case().new_tree(&mut runner).unwrap().current();
        match run(&case, &case.board.blob()) {
            Ok(proven) if proven.repairs().is_empty() => untouched += 1,
            Ok(proven) => {
                repaired += 1;
                for repair in proven.repairs() {
                    *kinds.entry(repair.kind).or_insert(0) += 1;
                }
            }
            Err(_) => refused += 1,
        }
    }
    println!("{untouched} untouched, {repaired} repaired, {refused} refused; {kinds:?}");
    assert!(untouched > 30 && repaired > 200 && refused > 100);
    assert!(kinds.len() >= 18, "{kinds:?}");
    assert!(rare.iter().all(|kind| kinds.contains_key(kind)), "{kinds:?}");
}
