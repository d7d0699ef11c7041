//! Does many things side by side.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Boots that run at a time unless told otherwise: each keeps one processor busy.
pub(crate) const AT_A_TIME: usize = 2;

/// Does `work` for each of `all`, `at_a_time` of them side by side, and returns the answers in the given order.
pub(crate) fn each<T: Sync, R: Send>(all: &[T], at_a_time: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..at_a_time.max(1) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(one) = all.get(at) else { break };
                    let answer = work(one);
                    done.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push((at, answer));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_comes_back_in_its_place() {
        let all: Vec<u64> = (0..100).collect();
        assert_eq!(each(&all, 3, |n| n * n), all.iter().map(|n| n * n).collect::<Vec<_>>());
        assert!(each(&[0; 0], 2, |n| *n).is_empty());
    }
}
