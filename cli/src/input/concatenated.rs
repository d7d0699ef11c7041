//! Several trees in one file, one after the other, as boards with one image for many models have them.

use std::ops::Range;

use ringfence::fdt::{MAGIC, stated_len};

/// Returns the bytes of each tree when there are several: the padding between two of them is zeros. One that
/// the end of the file cuts off counts, for its reader to refuse.
pub(super) fn split(bytes: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut trees = Vec::new();
    let mut at = 0;
    while bytes.get(at..)?.starts_with(&MAGIC.to_be_bytes()) {
        let whole = stated_len(bytes.get(at..)?).and_then(|len| at.checked_add(len));
        let end = whole.unwrap_or(bytes.len()).min(bytes.len());
        trees.push(at..end);
        let rest = bytes.get(end..)?;
        let Some(padding) = rest.iter().position(|&byte| byte != 0) else { break };
        at = end + padding;
    }
    (trees.len() > 1).then_some(trees)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence::fdt::{NewNode, build};

    #[test]
    fn trees_are_told_apart_with_and_without_padding_and_other_bytes_are_none() {
        let tree = build(&NewNode::new("").prop_u32("a", 1), 0, &[]).unwrap();
        let len = tree.len();
        assert_eq!(split(&tree), None);
        assert_eq!(split(&[&tree[..], &[0; 60]].concat()), None, "padding is not a tree");
        assert_eq!(split(&[&tree[..], &tree].concat()), Some(vec![0..len, len..2 * len]));
        let padded = [&tree[..], &[0; 60], &tree].concat();
        assert_eq!(split(&padded), Some(vec![0..len, len + 60..2 * len + 60]));
        assert_eq!(split(&[&tree[..], b"kernel"].concat()), None);
        for kept in [4, 8, len - 1] {
            let cut = [&tree[..], &tree[..kept]].concat();
            assert_eq!(split(&cut), Some(vec![0..len, len..len + kept]), "cut off after {kept} bytes");
        }
        assert_eq!(split(&tree[..len - 1]), None);
    }
}
