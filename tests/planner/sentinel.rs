//! A place for the sentinel.

use crate::board::*;
use ringfence::fdt::Tree;
use ringfence::policy::{PersistentLog, Policy, Sentinel};
use ringfence::prove::Refusal;
use ringfence::sentinel;
use ringfence::span::{GIB, MIB, Span};

fn watching(base: Option<u64>) -> Policy {
    Policy { sentinel: Some(Sentinel { base, ..Sentinel::default() }), ..requiring([]) }
}

fn home(dtb: &[u8], policy: &Policy) -> Span {
    let proven = fix(dtb, Some(policy)).unwrap();
    let tree = Tree::parse(proven.dtb()).unwrap();
    let region = sentinel::region(&tree, proven.map()).unwrap();
    // Another pass finds it there.
    assert_eq!(fix(proven.dtb(), Some(policy)).unwrap().dtb(), proven.dtb());
    sentinel::home(region).unwrap()
}

#[test]
fn the_sentinel_lives_at_the_top_of_ram_below_the_log() {
    let dtb = board([reserved([carveout("dsp", 1000, 24)])]);
    let top = RAM + 1000 * MIB;
    assert_eq!(home(&dtb, &watching(None)), Span::new(top - sentinel::SIZE, sentinel::SIZE).unwrap());
    let log = PersistentLog::default();
    let both = Policy { log: Some(log), ..watching(None) };
    let below = top - (128 << 10) - sentinel::SIZE;
    assert_eq!(home(&dtb, &both), Span::new(below, sentinel::SIZE).unwrap());
}

#[test]
fn the_policy_may_say_where_it_lives_if_that_is_free() {
    let dtb = board([reserved([carveout("dsp", 64, 1)])]);
    let base = RAM + 128 * MIB;
    assert_eq!(home(&dtb, &watching(Some(base))).base(), base);
    for taken in [RAM + 64 * MIB, RAM + GIB] {
        let refused = fix(&dtb, Some(&watching(Some(taken))));
        assert!(matches!(refused, Err(Refusal::PlacementFailure(_))), "{taken:#x}");
    }
}

#[test]
fn what_is_watched_has_no_driver_and_is_not_the_sentinel_itself() {
    let used = carveout("wpss", 80, 1).prop_u32("phandle", 7);
    let driven = carveout("rmtfs", 96, 1).prop_str("compatible", "qcom,rmtfs-mem");
    let optee = carveout("optee_shm", 112, 1);
    let user = ringfence::fdt::NewNode::new("remoteproc").prop_u32("memory-region", 7);
    let dtb = board([reserved([carveout("camera", 64, 1), used, driven, optee]), user]);
    let policy = watching(None);
    let proven = fix(&dtb, Some(&policy)).unwrap();
    let tree = Tree::parse(proven.dtb()).unwrap();
    let watched = sentinel::watched(&tree, proven.map(), policy.sentinel.as_ref().unwrap());
    let spans: Vec<Span> = watched.iter().map(|watched| watched.span).collect();
    assert_eq!(spans, [Span::new(RAM + 64 * MIB, MIB).unwrap()]);
}
