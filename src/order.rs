//! Sorting in little machine code.
//!
//! The library's sorts are made for speed and cost up to 8 KiB of code for each type that is sorted, which
//! adds up to a quarter of the stage's image. One heap sort with a small table of functions, and insertion
//! for the few elements that most lists have, costs a tenth of that. It is O(n log n) for any input, in
//! place, without recursion or allocation.

use alloc::vec::Vec;

/// Sorts ascending. Equal elements may change places.
pub fn sort<T: Ord>(items: &mut [T]) {
    sort_by(items, |a, b| a < b);
}

/// Sorts ascending by a key. Elements with equal keys may change places.
pub fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    sort_by(items, |a, b| key(a) < key(b));
}

/// Sorts ascending by a key. Elements with equal keys keep their order.
pub fn stable_sort_by_key<T: Clone, K: Ord>(items: &mut Vec<T>, key: impl Fn(&T) -> K) {
    let mut order: Vec<(K, usize)> = items.iter().enumerate().map(|(at, item)| (key(item), at)).collect();
    sort(&mut order);
    *items = order.iter().filter_map(|&(_, at)| items.get(at).cloned()).collect();
}

/// Sorts so that no element is `less` than the one before it. Equal elements may change places.
pub fn sort_by<T>(items: &mut [T], less: impl Fn(&T, &T) -> bool) {
    heap_sort(&mut Slice { items, less });
}

/// The operations of a sequence that the sort needs. Both positions are always inside the sequence.
trait Sequence {
    fn len(&self) -> usize;
    fn less(&self, a: usize, b: usize) -> bool;
    fn swap(&mut self, a: usize, b: usize);
}

struct Slice<'s, T, F> {
    items: &'s mut [T],
    less: F,
}

impl<T, F: Fn(&T, &T) -> bool> Sequence for Slice<'_, T, F> {
    fn len(&self) -> usize {
        self.items.len()
    }

    fn less(&self, a: usize, b: usize) -> bool {
        self.items.get(a).zip(self.items.get(b)).is_some_and(|(a, b)| (self.less)(a, b))
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.items.swap(a, b);
    }
}

/// Largest number of elements that are sorted by insertion. Up to here it takes fewer steps than a heap, most
/// of all when the elements are in order already.
const INSERTION_MAX: usize = 12;

fn heap_sort(items: &mut dyn Sequence) {
    let len = items.len();
    if len <= INSERTION_MAX {
        for from in 1..len {
            let mut at = from;
            while at > 0 && items.less(at, at - 1) {
                items.swap(at, at - 1);
                at -= 1;
            }
        }
        return;
    }
    for root in (0..len / 2).rev() {
        sift_down(items, root, len);
    }
    for end in (1..len).rev() {
        items.swap(0, end);
        sift_down(items, 0, end);
    }
}

/// Restores the heap below `root`, in the first `end` elements.
fn sift_down(items: &mut dyn Sequence, mut root: usize, end: usize) {
    loop {
        let left = 2 * root + 1;
        if left >= end {
            return;
        }
        let right = left + 1;
        let child = if right < end && items.less(left, right) { right } else { left };
        if !items.less(root, child) {
            return;
        }
        items.swap(root, child);
        root = child;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_sorts_as_the_library_does(mut items: Vec<u16>) {
            let mut expected = items.clone();
            expected.sort_unstable();
            sort(&mut items);
            prop_assert_eq!(items, expected);
        }

        #[test]
        fn the_stable_one_keeps_the_order_of_equals(keys: Vec<u8>) {
            let mut items: Vec<(u8, usize)> = keys.into_iter().map(|k| k % 8).zip(0..).collect();
            let mut expected = items.clone();
            expected.sort_by_key(|item| item.0);
            stable_sort_by_key(&mut items, |item| item.0);
            prop_assert_eq!(items, expected);
        }
    }
}
