//! The kernels that a problem affects, in words.

use ringfence::profile::{Family, families};
use ringfence::rules::Kernels;

/// Returns the families that are affected: each run of neighbours by its ends, as in `5.4 to 6.6, 6.16 to
/// 7.2`.
#[must_use]
pub fn runs(kernels: Kernels) -> String {
    let affected: Vec<Family> = kernels.families().collect();
    let all = families().map(|profile| profile.since.family());
    let mut runs: Vec<Vec<Family>> = vec![Vec::new()];
    for family in all {
        match (affected.contains(&family), runs.last_mut()) {
            (true, Some(run)) => run.push(family),
            _ => runs.push(Vec::new()),
        }
    }
    let runs = runs.iter().filter_map(|run| match run.as_slice() {
        [] => None,
        [only] => Some(only.to_string()),
        [first, second] => Some(format!("{first}, {second}")),
        [first, .., last] => Some(format!("{first} to {last}")),
    });
    runs.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_told_by_the_ends_of_their_run() {
        assert_eq!(runs(Kernels::None), "");
        let partial = runs(Kernels::Where(|kernel| kernel.maps_partial_pages));
        assert!(partial.starts_with("5.4 to 6.6, 6.16 to "), "{partial}");
        let oldest = Kernels::Where(|kernel| kernel.since.family() < Family { major: 5, minor: 15 });
        assert_eq!(runs(oldest), "5.4, 5.10");
    }
}
