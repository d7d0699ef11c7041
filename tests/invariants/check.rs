//! The invariants, for one case.

use crate::generate::Case;
use crate::reading::Reading;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use ringfence::facts::{BootFacts, Position};
use ringfence::fdt::Tree;
use ringfence::finding::{RuleId, Severity};
use ringfence::merge::{Loader, merge};
use ringfence::pipeline::{Context, survey};
use ringfence::policy::Mode;
use ringfence::prove::{Proven, Refusal};
use ringfence::span::Span;

/// Runs the pipeline on a tree, with the rest of the case.
pub(crate) fn run(case: &Case, dtb: &[u8]) -> Result<Proven, Refusal> {
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

/// Merges the loader's tree, if there is one, into the board's, and returns the tree to be judged with the
/// case that it then is.
fn merged(case: &Case) -> Result<Option<(Vec<u8>, Case)>, TestCaseError> {
    let dtb = case.board.blob();
    let Some(loader) = &case.loader else { return Ok(Some((dtb, case.clone()))) };
    let loader = loader.blob();
    let loader = Loader { tree: &Tree::parse(&loader).unwrap(), dtb: None, bundle: None };
    let merge_into =
        |dtb: &[u8]| merge(&Tree::parse(dtb).unwrap(), &loader, case.policy.as_ref(), &case.facts);
    let Ok(merged) = merge_into(&dtb) else { return Ok(None) };
    let dtb = merged.dtb.unwrap_or(dtb);
    let again = merge_into(&dtb).map_err(|error| TestCaseError::fail(format!("merged again: {error}")))?;
    prop_assert!(again.dtb.is_none_or(|again| again == dtb), "merging again changes the tree");
    let mut case = case.clone();
    case.facts.loader = Some(merged.facts);
    Ok(Some((dtb, case)))
}

/// Checks that a tree which is proven keeps every promise.
pub(crate) fn promises(case: &Case) -> Result<(), TestCaseError> {
    let Some((dtb, case)) = &merged(case)? else { return Ok(()) };
    let proven = match run(case, dtb) {
        Ok(proven) => proven,
        // A board may be beyond repair, but the planner does not lie to the proof about it.
        Err(Refusal::Fdt(_) | Refusal::Findings(_) | Refusal::PlacementFailure(_) | Refusal::Shared(_)) => {
            return Ok(());
        }
        Err(lie) => return Err(TestCaseError::fail(format!("a plan that lies: {lie}"))),
    };
    let before = Reading::of(dtb, &case.facts);
    let after = Reading::of(proven.dtb(), &case.facts);
    let facts = settled(&case.facts, &proven);

    // Fail closed: an independent judgement of the result has no error left.
    let held = facts.clone().with_held(proven.holds());
    let context = Context { policy: case.policy.as_ref(), profile: &case.profile, facts: &held };
    let judged = survey(proven.dtb(), context).unwrap().judge();
    let errors: Vec<_> = judged.findings().iter().filter(|f| f.severity == Severity::Error).collect();
    prop_assert!(errors.is_empty(), "errors are left: {errors:#?}");

    // A repair for one kernel makes no new error for another: what is left there was there before.
    for profile in &case.others {
        let context = Context { profile, ..context };
        let judged = survey(proven.dtb(), context).unwrap().judge();
        let errors = || judged.findings().iter().filter(|finding| finding.severity == Severity::Error);
        if errors().next().is_none() {
            continue;
        }
        let earlier = survey(dtb, Context { facts: &case.facts, ..context }).unwrap().judge();
        let was_there = |rule: RuleId| earlier.findings().iter().any(|finding| finding.rule == rule);
        let new: Vec<_> = errors().filter(|finding| !was_there(finding.rule)).collect();
        prop_assert!(new.is_empty(), "new errors for {:?}: {new:#?}", profile.since);
    }

    // Monotone: what was protected, or must be, is protected.
    let owed = case.policy.iter().flat_map(|p| &p.requirements).filter(|r| r.no_map());
    let (owed, ranges): (Vec<_>, Vec<_>) = owed.partition(|r| r.carveout().is_some());
    for span in before.no_map().into_iter().chain(owed.iter().filter_map(|r| r.span())) {
        prop_assert!(after.protects(span), "{span} was given to Linux");
    }
    for span in ranges.iter().filter_map(|r| r.span()).flat_map(|span| after.ram_in(span)) {
        prop_assert!(after.protects(span), "{span} is within Linux' reach");
    }

    // Of both trees, where there are two, in all RAM that Linux uses.
    if let Some(loader) = &case.loader {
        let loader = Reading::of(&loader.blob(), &BootFacts::default());
        for span in loader.no_map().into_iter().flat_map(|span| after.used_in(span)) {
            prop_assert!(after.protects(span), "{span} of the loader's tree was given to Linux");
        }
    }

    // Disjoint: no byte has two owners, and every pool is one that the kernel accepts.
    after.disjoint(case, &facts)?;

    // Nothing lost: names, phandles, references and everything outside the map survive.
    before.kept_in(&after, case)?;

    // Idempotent: a repaired tree is right, so it is left alone byte for byte.
    let again = Case { facts, ..case.clone() };
    match run(&again, proven.dtb()) {
        Ok(twice) => prop_assert!(twice.dtb() == proven.dtb(), "repaired again: {:#?}", twice.repairs()),
        Err(refusal) => prop_assert!(false, "refused what it repaired: {refusal}"),
    }
    Ok(())
}

/// Checks that there are edits if and only if repairs are reported, and repairs only if something is found.
pub(crate) fn edits_and_repairs(case: &Case) -> Result<(), TestCaseError> {
    let dtb = case.board.blob();
    let context = Context { policy: case.policy.as_ref(), profile: &case.profile, facts: &case.facts };
    let judged = survey(&dtb, context).unwrap().judge();
    let is_right = judged.findings().iter().all(|finding| finding.severity == Severity::Note);
    let planned = judged.plan();
    if is_right {
        prop_assert!(
            planned.plan().repairs.is_empty(),
            "repaired without a reason: {:?}",
            planned.plan().repairs
        );
    }
    // A plan that is stuck is never made.
    if case.facts.kernel.is_none() && planned.plan().stuck.is_empty() {
        prop_assert_eq!(planned.plan().edits.is_empty(), planned.plan().repairs.is_empty());
    }
    if case.policy.as_ref().is_some_and(|policy| policy.mode != Mode::Fix) {
        prop_assert!(planned.plan().repairs.is_empty(), "only `fix` repairs");
    }
    Ok(())
}
