//! The invariants of the core on generated cases: from fixed seeds, and from one that no run has tried.
//!
//! Optimised, since the cases of one run then take less time than building it so. A failure prints its seed,
//! and the shrunk case as Rust for `tests/invariants/found.rs`.

use crate::workspace::Workspace;
use std::hash::{BuildHasher, RandomState};
use std::process::Command;

/// The seeds of every run.
const FIXED: [u64; 4] = [1, 2, 3, 4];
/// Cases of each seed: with one fresh seed 20,000 in all.
const CASES: u32 = 4000;
/// Fresh seeds of a long run.
const FRESH: usize = 10;

/// Returns one command for each seed. A long run tries `long` cases of each, and more fresh seeds.
pub(crate) fn runs(ws: &Workspace, long: Option<u32>) -> Vec<(String, Command)> {
    let fresh = if long.is_some() { FRESH } else { 1 };
    let seeds = FIXED.into_iter().chain((0..fresh).map(|_| fresh_seed()));
    seeds.map(|seed| (format!("invariants-seed-{seed}"), run(ws, seed, long.unwrap_or(CASES)))).collect()
}

fn run(ws: &Workspace, seed: u64, cases: u32) -> Command {
    let mut test = ws.cargo();
    test.args(["test", "--quiet", "--release", "--package", "ringfence", "--test", "invariants"]);
    test.env("PROPTEST_RNG_SEED", seed.to_string()).env("PROPTEST_CASES", cases.to_string());
    test
}

/// Returns a seed of a few digits, so that it can be typed.
fn fresh_seed() -> u64 {
    RandomState::new().hash_one("seed") % 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_tries_twenty_thousand_cases_and_one_fresh_seed() {
        let ws = Workspace::locate();
        let runs = runs(&ws, None);
        assert_eq!(runs.len() as u32 * CASES, 20_000);
        assert!(runs.iter().take(4).zip(1..).all(|((name, _), n)| *name == format!("invariants-seed-{n}")));
        assert_ne!(fresh_seed(), fresh_seed());
        let long = super::runs(&ws, Some(60_000));
        assert_eq!(long.len(), FIXED.len() + FRESH);
        let cases = |command: &Command| {
            command
                .get_envs()
                .any(|(name, value)| name == "PROPTEST_CASES" && value == Some("60000".as_ref()))
        };
        assert!(long.iter().all(|(_, command)| cases(command)));
    }
}
