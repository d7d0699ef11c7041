//! The default CMA pool and its one authority, and pools that have to give way.

use crate::board::*;
use ringfence::facts::BootFacts;
use ringfence::fdt::NewNode;
use ringfence::pipeline::{Context, survey};
use ringfence::policy::{CmaWant, Policy, Via};
use ringfence::profile::KernelProfile;
use ringfence::span::{GIB, MIB, Span};

pub(crate) fn wanting(via: Via, mib: u64, range: Option<Span>) -> Policy {
    Policy { cma: Some(CmaWant { size: mib * MIB, align: None, range, via }), ..requiring([]) }
}

#[test]
fn cma_through_bootargs_replaces_the_last_one_and_disturbs_nothing_else() {
    let line = "console=ttyAMA0 cma=8M quiet init=\"/bin/sh -c 'cma=1M'\" cma=16M  root=/dev/vda -- cma=2M";
    let dtb = board([chosen(line), reserved([carveout("dsp", 1000, 24)])]);
    let policy = wanting(Via::Bootargs, 64, Span::from_ends(RAM, 4 * GIB));
    let proven = fix(&dtb, Some(&policy)).unwrap();
    assert_eq!(
        bootargs(&proven),
        "console=ttyAMA0 quiet init=\"/bin/sh -c 'cma=1M'\" cma=64M@0x76800000  root=/dev/vda -- cma=2M"
    );
}

#[test]
fn cma_through_bootargs_goes_before_what_belongs_to_init() {
    let proven = fix(&board([chosen("quiet -- arg")]), Some(&wanting(Via::Bootargs, 64, None))).unwrap();
    assert_eq!(bootargs(&proven), "quiet cma=64M@0x78000000 -- arg");
}

#[test]
fn cma_through_bootargs_keeps_below_what_the_kernel_takes_first() {
    // Of 1 GiB, 32 MiB and another 32nd: Linux refuses `cma=` there, and a node is reserved in time.
    let arg = fix(&board([chosen("quiet cma=64M@0x7c000000")]), Some(&wanting(Via::Bootargs, 64, None)));
    assert_eq!(bootargs(&arg.unwrap()), "quiet cma=64M@0x78000000");
    let fresh = fix(&board([chosen("quiet")]), Some(&wanting(Via::Bootargs, 64, None))).unwrap();
    assert_eq!(bootargs(&fresh), "quiet cma=64M@0x78000000");
    let top = wanting(Via::Bootargs, 64, Span::from_ends(RAM + 960 * MIB, RAM + GIB));
    assert!(fix(&board([chosen("quiet")]), Some(&top)).is_err());
}

/// Returns what a plan could not do, which then does nothing and reports nothing.
pub(crate) fn stuck(dtb: &[u8], policy: Option<&Policy>, facts: &BootFacts) -> Vec<String> {
    let profile = KernelProfile::default();
    let planned = survey(dtb, Context { policy, profile: &profile, facts }).unwrap().judge().plan();
    let plan = planned.plan();
    assert!(plan.repairs.is_empty() && plan.edits.is_empty(), "reported, but not made: {:?}", plan.repairs);
    plan.stuck.iter().map(ToString::to_string).collect()
}

pub(crate) const NO_ROOM: &str = "/chosen: bootargs have no room for `cma=`: shorten them";
pub(crate) const OPEN_QUOTE: &str =
    "/chosen: bootargs have a quote that never closes, so `cma=` would be part of it: close it";

#[test]
fn a_command_line_that_cannot_take_cma_says_why() {
    let policy = wanting(Via::Bootargs, 64, None);
    let stuck = |line: &str| stuck(&board([chosen(line)]), Some(&policy), &BootFacts::default());
    assert_eq!(stuck(&"long ".repeat(409)), [NO_ROOM]);
    assert_eq!(stuck("quiet init=\"/bin/sh"), [OPEN_QUOTE]);
    // Where a quote closes or a few bytes are left, it is made and reported.
    for line in ["quiet init=\"/bin/sh\"", &"long ".repeat(400)] {
        let proven = fix(&board([chosen(line)]), Some(&policy)).unwrap();
        assert_eq!(kinds(&proven), ["settle-cma"]);
        assert!(proven.repairs()[0].what.starts_with("bootargs say `cma=64M@0x"));
    }
}

#[test]
fn cma_through_a_node_clears_the_command_line() {
    let dtb = board([chosen("quiet cma=16M root=/dev/vda"), reserved([])]);
    let proven = fix(&dtb, Some(&wanting(Via::Node, 64, None))).unwrap();
    assert_eq!(bootargs(&proven), "quiet root=/dev/vda");
    assert_eq!(layout(&proven), at(&[("linux,cma", 960, 64)]));
    assert!(proven.map().regions[0].cma_default && proven.map().regions[0].is_cma());
}

#[test]
fn a_pool_under_a_restored_carveout_finds_another_place() {
    let pool = region("pool", 62, 8).prop_str("compatible", "shared-dma-pool").prop_empty("reusable");
    let proven = fix(&board([reserved([pool])]), Some(&requiring([required("dsp", 64, 4)]))).unwrap();
    assert_eq!(layout(&proven), at(&[("pool", 1016, 8), ("dsp", 64, 4)]));
}

#[test]
fn both_tuples_of_a_misaligned_pool_survive() {
    let name = format!("pool@{:x}", RAM + 65 * MIB);
    let pool = NewNode::new(&name)
        .prop("reg", reg(&[(RAM + 65 * MIB, 3 * MIB), (RAM + 101 * MIB, 3 * MIB)]))
        .prop_str("compatible", "shared-dma-pool")
        .prop_empty("reusable");
    let proven = fix(&board([reserved([pool])]), None).unwrap();
    assert_eq!(layout(&proven), at(&[("pool", 64, 4), ("pool-1", 100, 4)]));
}
