//! Does many things side by side.

use anyhow::{Context, Result};
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;

/// Boots that run at a time by default: each keeps one processor busy.
pub(crate) const AT_A_TIME: usize = 2;

/// Does `work` for each of `all`, `at_a_time` of them side by side, and returns the answers in the given
/// order.
///
/// # Errors
/// When no thread can be started.
pub(crate) fn each<T: Sync, R: Send>(
    all: &[T],
    at_a_time: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Result<Vec<R>> {
    let pool = ThreadPoolBuilder::new().num_threads(at_a_time.max(1)).build();
    let pool = pool.context("cannot start threads")?;
    // One at a time each: boots differ in length, and a batch would leave a thread without work.
    Ok(pool.install(|| all.par_iter().with_max_len(1).map(&work).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_comes_back_in_its_place() {
        let all: Vec<u64> = (0..100).collect();
        assert_eq!(each(&all, 3, |n| n * n).unwrap(), all.iter().map(|n| n * n).collect::<Vec<_>>());
        assert!(each(&[0; 0], 2, |n| *n).unwrap().is_empty());
    }
}
