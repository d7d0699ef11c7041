//! The order of the kernel's heap sort, which is not stable (lib/sort.c).
//!
//! Before 6.12.13 it decides in which order dynamic regions, which all compare equal, are placed.

use alloc::vec::Vec;

/// Sorts as the kernel does: a bottom-up heap sort that goes down to a leaf before it looks where the element
/// belongs. `less_or_equal(a, b)` states whether `a` sorts before `b` or equal to it.
pub(super) fn kernel_sort<T>(items: &mut [T], less_or_equal: impl Fn(&T, &T) -> bool) {
    let len = items.len();
    for root in (0..len / 2).rev() {
        sift(items, root, len, &less_or_equal);
    }
    for end in (1..len).rev() {
        items.swap(0, end);
        sift(items, 0, end, &less_or_equal);
    }
}

fn sift<T>(items: &mut [T], root: usize, len: usize, less_or_equal: &impl Fn(&T, &T) -> bool) {
    // The path of greater children down to a leaf; the left one of two equal ones.
    let mut path: Vec<usize> = alloc::vec![root];
    let mut at = root;
    loop {
        let (left, right) = (2 * at + 1, 2 * at + 2);
        at = match (
            items.get(..len).and_then(|heap| heap.get(left)),
            items.get(..len).and_then(|heap| heap.get(right)),
        ) {
            (Some(l), Some(r)) => {
                if less_or_equal(r, l) {
                    left
                } else {
                    right
                }
            }
            (Some(_), None) => left,
            _ => break,
        };
        path.push(at);
    }
    // Back up to where the root belongs: above all elements that are not greater.
    while path.len() > 1 {
        let (Some(a), Some(b)) = (items.get(root), path.last().and_then(|&last| items.get(last))) else {
            return;
        };
        if !less_or_equal(b, a) {
            break;
        }
        path.pop();
    }
    for pair in path.windows(2) {
        if let [above, below] = pair {
            items.swap(*above, *below);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::kernel_sort;

    /// Equal keys come out in the order seen in a boot of 6.1.
    #[test]
    fn equal_keys_come_out_as_the_kernel_brings_them() {
        let mut two = [1, 2];
        kernel_sort(&mut two, |_, _| true);
        assert_eq!(two, [2, 1]);
        let mut three = [1, 2, 3];
        kernel_sort(&mut three, |_, _| true);
        assert_eq!(three, [2, 3, 1]);
    }

    #[test]
    fn different_keys_come_out_sorted() {
        let mut items = [5, 3, 9, 1, 7, 2, 8, 6, 4, 0];
        kernel_sort(&mut items, |a, b| a <= b);
        assert_eq!(items, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
}
