//! Repairs that findings propose: those that the planner makes, were every permission given.

use crate::board::*;
use ringfence::facts::BootFacts;
use ringfence::fdt::NewNode;
use ringfence::pipeline::{Context, survey};
use ringfence::policy::{Mode, Policy};
use ringfence::profile::KernelProfile;
use ringfence::prove::Refusal;

/// Returns the node and the kind of every repair that is proposed, and how many were before it was known what
/// the planner makes.
fn offers(dtb: &[u8], policy: Option<&Policy>) -> (Vec<(String, &'static str)>, usize) {
    let (profile, facts) = (KernelProfile::default(), BootFacts::default());
    let judged = survey(dtb, Context { policy, profile: &profile, facts: &facts }).unwrap().judge();
    let before = judged.findings().iter().filter(|finding| finding.repair.is_some()).count();
    let judged = judged.with_offers();
    let found = judged.findings().iter();
    let offers =
        found.filter_map(|finding| Some((finding.node.clone(), finding.repair.as_ref()?.kind.name())));
    (offers.collect(), before)
}

fn pool(name: &str, at_mib: u64, mib: u64) -> NewNode {
    region(name, at_mib, mib).prop_str("compatible", "shared-dma-pool").prop_empty("reusable")
}

#[test]
fn a_repair_that_needs_a_permission_is_proposed() {
    let dtb = board([reserved([carveout("dsp", 64, 8), carveout("camera", 68, 8)])]);
    let proposed = (vec![("/reserved-memory/dsp@44000000".to_string(), "shift")], 1);
    assert_eq!(offers(&dtb, None), proposed);
    // Also where the policy permits none.
    let audited = Policy { mode: Mode::Audit, ..Policy::default() };
    assert_eq!(offers(&dtb, Some(&audited)), proposed);
}

#[test]
fn what_has_no_room_is_not_proposed() {
    let dtb = board([reserved([carveout("a", 1, 600), carveout("b", 400, 600)])]);
    assert_eq!(offers(&dtb, None), (vec![], 1));
}

#[test]
fn of_two_pools_only_that_which_has_room_is_proposed() {
    let (small, large) = (pool("small", 64, 16), pool("large", 100, 800));
    let dtb = board([reserved([carveout("dsp", 70, 1), carveout("camera", 500, 1), small, large])]);
    let (proposed, before) = offers(&dtb, None);
    assert!(before >= 2);
    assert!(!proposed.is_empty() && proposed.iter().all(|(_, kind)| *kind == "align-pool"), "{proposed:?}");
    assert!(!proposed.iter().any(|(node, _)| node.contains("large")), "{proposed:?}");
}

#[test]
fn what_has_no_room_is_named() {
    let dtb = board([reserved([carveout("a", 1, 600), carveout("b", 400, 600)])]);
    match fix(&dtb, Some(&requiring([]))) {
        Err(Refusal::PlacementFailure(failures)) => {
            let line = failures[0].to_string();
            assert!(line.starts_with("b: no room of 600 MiB at or above 0x65900000"), "{line}");
        }
        other => panic!("{other:?}"),
    }
}

/// The search for a place that would do passes over all regions, and would make a failed plan quadratic.
#[test]
fn a_place_is_searched_for_the_first_few_without_room() {
    let all: Vec<_> = (0..100).map(|n| carveout(&format!("r{n}"), n, 900 - 2 * n)).collect();
    let dtb = board([reserved(all)]);
    match fix(&dtb, Some(&requiring([]))) {
        Err(Refusal::PlacementFailure(failures)) => {
            let lines: Vec<String> = failures.iter().map(ToString::to_string).collect();
            assert!(lines.len() > 90 && lines.iter().all(|line| line.contains("no room of")));
            let explained = lines.iter().filter(|line| line.contains("; ")).count();
            assert_eq!(explained, 16, "{lines:?}");
        }
        other => panic!("{other:?}"),
    }
}
