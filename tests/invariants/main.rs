//! Checks the invariants of repairs on generated boards: total, fail closed, monotone, disjoint, nothing
//! lost, idempotent.
//!
//! The seed is fixed, so that a run can be repeated. `PROPTEST_RNG_SEED` sets another, and `PROPTEST_CASES`
//! the number of cases.

mod generate;
mod reading;

use generate::{Case, case};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use reading::Reading;
use ringfence::bootargs;
use ringfence::facts::{BootFacts, Position};
use ringfence::finding::Severity;
use ringfence::pipeline::{Context, survey};
use ringfence::policy::Mode;
use ringfence::prove::{Proven, Refusal};
use ringfence::span::Span;

fn config() -> Config {
    let default = Config::default();
    Config {
        cases: if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { 1500 },
        rng_seed: match default.rng_seed {
            RngSeed::Random => RngSeed::Fixed(7),
            chosen => chosen,
        },
        failure_persistence: None,
        ..default
    }
}

fn run(case: &Case, dtb: &[u8]) -> Result<Proven, Refusal> {
    let context = Context { policy: case.policy.as_ref(), profile: &case.profile, facts: &case.facts };
    survey(dtb, context)?.judge().plan().apply()?.prove()
}

/// Returns the facts of the boot that a proven tree leads to: everything is placed as planned.
fn settled(facts: &BootFacts, proven: &Proven) -> BootFacts {
    let mut facts = facts.clone();
    facts.report = false;
    let place = proven.placement();
    if let Some(kernel) = &mut facts.kernel {
        let at = place.kernel.or(kernel.position.source());
        kernel.position = at.map_or(kernel.position, Position::Fixed);
    }
    for (thing, span) in [(&mut facts.initrd, place.initrd), (&mut facts.dtb, place.dtb)] {
        if let Some(position) = thing {
            *position = span.or(position.source()).map_or(*position, Position::Fixed);
        }
    }
    if let Some(window) = place.dtb {
        facts.dtb = Span::new(window.base(), proven.dtb().len() as u64).map(Position::Fixed);
    }
    facts
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_is_proven_keeps_every_promise(case in case()) {
        let dtb = case.board.blob();
        let Ok(proven) = run(&case, &dtb) else { return Ok(()) };
        let before = Reading::of(&dtb);
        let after = Reading::of(proven.dtb());
        let facts = settled(&case.facts, &proven);

        // Fail closed: an independent judgement of the result has no error left.
        let context = Context { policy: case.policy.as_ref(), profile: &case.profile, facts: &facts };
        let judged = survey(proven.dtb(), context).unwrap().judge();
        let errors: Vec<_> = judged.findings().iter().filter(|f| f.severity == Severity::Error).collect();
        prop_assert!(errors.is_empty(), "errors are left: {errors:#?}");

// Monotone: what was protected, or must be, is protected.
        let owed = case.policy.iter().flat_map(|p| &p.carveouts).filter(|r| r.no_map);
        let (ranges, owed): (Vec<_>, Vec<_>) = owed.partition(|r| r.is_range());
        for span in before.no_map().into_iter().chain(owed.iter().filter_map(|r| r.span())) {
            prop_assert!(after.protects(span), "{span} was given to Linux");
        }
        for span in ranges.iter().filter_map(|r| r.span()).flat_map(|span| after.ram_in(span)) {
            prop_assert!(after.protects(span), "{span} is within Linux' reach");
        }

        // Disjoint: no byte has two owners, and every pool is one that the kernel accepts.
        after.disjoint(&case, &facts)?;

        // Nothing lost: names, phandles, references and everything outside the map survive.
        before.kept_in(&after, &case)?;

        // Idempotent: a repaired tree is right, so it is left alone byte for byte.
        let again = Case { facts, ..case.clone() };
        match run(&again, proven.dtb()) {
            Ok(twice) => prop_assert!(twice.dtb() == proven.dtb(), "repaired again: {:#?}", twice.repairs()),
            Err(refusal) => prop_assert!(false, "refused what it repaired: {refusal}"),
        }
    }

    #[test]
    fn edits_and_reported_repairs_go_together(case in case()) {
        let dtb = case.board.blob();
        let context = Context { policy: case.policy.as_ref(), profile: &case.profile, facts: &case.facts };
        let planned = survey(&dtb, context).unwrap().judge().plan();
        // A plan that is stuck is never made.
        if case.facts.kernel.is_none() && planned.plan().stuck.is_empty() {
            prop_assert_eq!(planned.plan().edits.is_empty(), planned.plan().repairs.is_empty());
        }
        if case.policy.as_ref().is_some_and(|policy| policy.mode != Mode::Fix) {
            prop_assert!(planned.plan().repairs.is_empty(), "only `fix` repairs");
        }
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

/// Checks the generator: if all of its trees were refused, the invariants would prove nothing.
#[test]
fn the_generator_reaches_every_sort_of_end() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::new(config());
    let (mut untouched, mut repaired, mut refused) = (0, 0, 0);
    let mut kinds = std::collections::BTreeMap::new();
    for _ in 0..1000 {
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
    assert!(untouched > 50 && repaired > 200 && refused > 100);
    assert!(kinds.len() >= 18, "{kinds:?}");
    let rare = ["gather", "respell", "hoist", "rewrite-reg", "add-no-map", "drop-size", "drop-flags"];
    assert!(rare.iter().all(|kind| kinds.contains_key(kind)), "{kinds:?}");
}
