//! Guards beside the carveouts of a policy.

use crate::board::{at, board, carveout, carveout_required, fix, kinds, required, requiring, reserved};
use ringfence::policy::Policy;
use ringfence::span::KIB;

#[test]
fn a_required_carveout_gets_the_guards_that_are_missing_and_no_more() {
    let policy = Policy { guard: Some(64 * KIB), ..requiring([required("dsp", 64, 1)]) };
    // The upper side is the next carveout's already.
    let dtb = board([reserved([carveout("dsp", 64, 1), carveout("tz", 65, 1)])]);
    let proven = fix(&dtb, Some(&policy)).unwrap();
    assert_eq!(kinds(&proven), ["guard"]);
    let guards: Vec<_> = proven.map().regions.iter().filter(|region| region.name.contains("guard")).collect();
    assert_eq!(guards.len(), 1);
    assert_eq!((guards[0].name.as_str(), guards[0].no_map), ("ringfence-guard@43ff0000", true));
    assert_eq!(guards[0].spans()[0].len(), 64 * KIB);
    assert_eq!(crate::board::layout(&proven)[..2], at(&[("dsp", 64, 1), ("tz", 65, 1)]));
}

#[test]
fn a_boundary_that_is_broken_is_an_error() {
    let policy = Policy { boundary: Some(2048 * KIB), ..requiring([]) };
    assert!(fix(&board([reserved([carveout("dsp", 64, 2)])]), Some(&policy)).is_ok());
    assert!(fix(&board([reserved([carveout("dsp", 65, 2)])]), Some(&policy)).is_err());
}

#[test]
fn a_region_with_guards_of_its_own_needs_no_others_of_that_size() {
    let rmtfs = carveout("dsp", 64, 1).prop_str("compatible", "qcom,rmtfs-mem");
    let dtb = board([reserved([rmtfs.prop_empty("qcom,use-guard-pages")])]);
    let guarded = |guard| {
        let policy = Policy { guard: Some(guard), ..requiring([required("dsp", 64, 1)]) };
        fix(&dtb, Some(&policy)).unwrap().map().regions.len()
    };
    assert_eq!((guarded(4 * KIB), guarded(8 * KIB)), (1, 3));
}

#[test]
fn a_guard_follows_a_carveout_that_moves() {
    let dtb = board([reserved([carveout("camera", 64, 7), carveout("wpss", 69, 4)])]);
    let mut wpss = carveout_required("wpss", 69, 4);
    wpss.base = None;
    let required = [required("camera", 64, 7), wpss.into()];
    let policy = Policy { guard: Some(64 * KIB), ..requiring(required) };
    let proven = fix(&dtb, Some(&policy)).unwrap();
    let names: Vec<&str> = proven.map().regions.iter().map(|region| region.name.as_str()).collect();
    // 64 KiB below the lower one, and after the upper one, which ends at 75 MiB now.
    assert_eq!(names[2..], ["ringfence-guard@43ff0000", "ringfence-guard@44b00000"], "{names:?}");
}
