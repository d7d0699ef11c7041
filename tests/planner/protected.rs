//! Ranges that the policy protects without a node.

use crate::board::{RAM, at, board, carveout, fix, layout, mib_span, reg, region, requiring, reserved};
use ringfence::fdt::{NewNode, build};
use ringfence::finding::{RuleId, Severity};
use ringfence::pipeline::{Context, survey};
use ringfence::policy::{Allow, Policy, ProtectedRange};
use ringfence::profile::KernelProfile;
use ringfence::prove::Refusal;
use ringfence::span::MIB;

/// Returns a policy that protects these MiB from the start of RAM, and permits everything.
fn protecting(at_mib: u64, mib: u64) -> Policy {
    let span = mib_span(at_mib, mib);
    requiring([ProtectedRange { name: "secmon".into(), span }.into()])
}

/// Returns a board whose RAM has these banks, in MiB from its start.
fn banked(banks: &[(u64, u64)], nodes: impl IntoIterator<Item = NewNode>) -> Vec<u8> {
    let banks: Vec<_> = banks.iter().map(|(at, size)| (RAM + at * MIB, size * MIB)).collect();
    let memory = NewNode::new("memory").prop_str("device_type", "memory").prop("reg", reg(&banks));
    let root = NewNode::new("").prop_u32("#address-cells", 2).prop_u32("#size-cells", 2).child(memory);
    build(&nodes.into_iter().fold(root, NewNode::child), 0, &[]).unwrap()
}

#[test]
fn a_hole_a_region_of_any_name_and_both_together_protect() {
    let policy = protecting(64, 4);
    let hole = banked(&[(0, 64), (68, 900)], []);
    let half = banked(&[(0, 64), (66, 900)], [reserved([carveout("tz", 66, 2)])]);
    let two = board([reserved([carveout("a", 60, 6), carveout("b", 66, 10)])]);
    for dtb in [hole, half, two] {
        assert_eq!(fix(&dtb, Some(&policy)).unwrap().dtb(), dtb);
    }
}

#[test]
fn what_is_missing_becomes_a_carveout_of_that_name_with_the_policys_word() {
    let policy = protecting(64, 4);
    let dtb = banked(&[(0, 65), (66, 900)], [reserved([carveout("tz", 66, 1)])]);
    let proven = fix(&dtb, Some(&policy)).unwrap();
    assert_eq!(layout(&proven), at(&[("tz", 66, 1), ("secmon", 64, 1), ("secmon", 67, 1)]));
    assert!(proven.map().regions.iter().all(|region| region.no_map));
    assert_eq!(fix(proven.dtb(), Some(&policy)).unwrap().dtb(), proven.dtb());
    let silent = Policy { allow: Allow::default(), ..policy };
    assert!(matches!(fix(&dtb, Some(&silent)), Err(Refusal::Findings(_))));
}

#[test]
fn what_is_reserved_is_not_protected_and_does_not_move_for_it() {
    let mapped = board([reserved([region("log", 65, 1)])]);
    assert!(matches!(fix(&mapped, Some(&protecting(64, 4))), Err(Refusal::Findings(_))));
}

#[test]
fn a_part_page_counts_where_the_kernel_unmaps_it() {
    let carveout = NewNode::new("tz@44000800").prop("reg", reg(&[(RAM + 64 * MIB + 0x800, 0x1000)]));
    let dtb = board([reserved([carveout.prop_empty("no-map")])]);
    let range = ProtectedRange::new("tz".into(), RAM + 64 * MIB + 0x800, 0x1000).unwrap().into();
    let (policy, facts) = (requiring([range]), Default::default());
    let bites = |name| {
        let profile = *KernelProfile::for_version(name).unwrap().profile;
        let context = Context { policy: Some(&policy), profile: &profile, facts: &facts };
        let judged = survey(&dtb, context).unwrap().judge();
        judged.findings().iter().any(|finding| finding.rule == RuleId(411))
    };
    assert!(bites("6.1") && bites("7.2") && !bites("6.12") && !bites("7.3"));
    let proven = fix(&dtb, Some(&policy)).unwrap();
    assert_eq!(proven.map().regions.len(), 1, "the region that is there is rounded");
}

#[test]
fn where_ram_is_unknown_a_boot_loader_may_yet_leave_it_out() {
    let findings = |nodes: Vec<NewNode>| {
        let proven = fix(&banked(&[(0, 0)], nodes), Some(&protecting(64, 4))).unwrap();
        proven.findings().iter().filter(|f| f.rule == RuleId(411)).map(|f| f.severity).collect::<Vec<_>>()
    };
    assert_eq!(findings(vec![]), [Severity::Warning]);
    assert_eq!(findings(vec![reserved([carveout("tz", 64, 4)])]), []);
}
