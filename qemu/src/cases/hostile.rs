//! Damaged trees and bundles: a covering sample of what `cargo xtask hostile` boots by the thousand.

use super::Case;
use crate::hostile::{self, Damage, Verdict};
use crate::test_bed::TestBed;
use anyhow::{Result, ensure};

/// Boots of one case, a multiple of the kinds of damage would be the same kinds again.
const BOOTS: u64 = 10;

/// Returns six cases of ten boots: every kind of damage, eight times at least.
pub(super) fn cases() -> Vec<Case> {
    let case = |first: u64| Case::new(format!("hostile-from-{first}"), move |bed, _| boots(bed, first));
    (0..6).map(|n| case(1 + n * BOOTS)).collect()
}

fn boots(bed: &TestBed, first: u64) -> Result<String> {
    let (mut handed_off, mut refused) = (0, 0);
    for seed in first..first + BOOTS {
        match hostile::boot(bed, seed)? {
            Verdict::HandedOff => handed_off += 1,
            Verdict::Refused(_) => refused += 1,
            bad @ Verdict::Bad(_) => ensure!(false, "seed {seed} ({:?}): {bad}", Damage::of(seed)),
        }
    }
    Ok(format!("{handed_off} handed off, {refused} refused, none silent"))
}
