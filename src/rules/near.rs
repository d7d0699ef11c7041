//! Words that were nearly right.

/// The most edits at which a word is taken for another one misspelled.
const NEAR: usize = 2;

/// Returns whether `word` is `meant` with one or two letters changed, added or left out, but not `meant`
/// itself.
pub(crate) fn is_near(word: &str, meant: &str) -> bool {
    let (word, meant) = (word.as_bytes(), meant.as_bytes());
    word != meant && word.len().abs_diff(meant.len()) <= NEAR && within(word, meant, NEAR)
}

/// Returns whether `edits` edits suffice. The words are short, and so is the recursion: it branches only at a
/// difference, and each costs an edit.
fn within(a: &[u8], b: &[u8], edits: usize) -> bool {
    let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (a.get(same..).unwrap_or_default(), b.get(same..).unwrap_or_default());
    match (a, b) {
        ([], rest) | (rest, []) => rest.len() <= edits,
        _ if edits == 0 => false,
        ([_, a_rest @ ..], [_, b_rest @ ..]) => {
            within(a_rest, b_rest, edits - 1) || within(a_rest, b, edits - 1) || within(a, b_rest, edits - 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_near;

    #[test]
    fn one_or_two_wrong_letters_are_near() {
        for word in ["no-mem", "nomap", "no_map", "no-maps", "no-ma", "mo-map"] {
            assert!(is_near(word, "no-map"), "{word}");
        }
        for word in ["no-map", "reg", "label", "no-memory", "reusable"] {
            assert!(!is_near(word, "no-map"), "{word}");
        }
        assert!(is_near("resuable", "reusable") && is_near("reserved_memory", "reserved-memory"));
    }
}
