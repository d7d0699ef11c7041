//! Names of the children of `/reserved-memory`.

use crate::order;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Turns after which names that still collide are left as they are, so that the rewrite is refused. Real
/// trees need two.
const MAX_TURNS: usize = 16;

/// Changes the names in `fresh` so that each leads to its own node. The nodes become children of one parent
/// after those that are called `existing`.
pub(super) fn separate(existing: &[&str], fresh: &mut [&mut String]) {
    for _ in 0..MAX_TURNS {
        let mut all: Vec<(&str, usize)> = existing.iter().map(|name| (*name, 0)).collect();
        all.extend(fresh.iter().zip(1..).map(|(name, at)| (name.as_str(), at)));
        order::sort(&mut all);
        // Which of the fresh ones cannot keep their names, and how many of the same name precede each.
        let mut taken: Vec<(usize, usize)> = Vec::new();
        for same in all.chunk_by(|one, other| one.0 == other.0) {
            let Some(&(name, first)) = same.first() else { continue };
            let keeps = usize::from(!found_before(&all, name, first));
            taken.extend(same.iter().skip(keeps).map(|(_, at)| *at).filter(|at| *at > 0).zip(0..));
        }
        if taken.is_empty() {
            return;
        }
        for (at, nth) in taken {
            let Some(name) = fresh.get_mut(at - 1) else { continue };
            let (stem, unit) = name.split_at(name.find('@').unwrap_or(name.len()));
            **name = match nth {
                0 => format!("{stem}-moved{unit}"),
                _ => format!("{stem}-moved-{nth}{unit}"),
            };
        }
    }
}

/// Checks whether the child at `at` would be missed by its own name: without a unit address that also finds
/// an earlier child of the same base name (libfdt, `fdt_subnode_offset_namelen`).
fn found_before(all: &[(&str, usize)], name: &str, at: usize) -> bool {
    if at == 0 || name.contains('@') {
        return false;
    }
    let prefix = format!("{name}@");
    let first = all.partition_point(|(other, _)| *other < prefix.as_str());
    let mut same_base = all.iter().skip(first).take_while(|(other, _)| other.starts_with(&prefix));
    same_base.any(|(_, other)| *other < at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    fn separated(existing: &[&str], fresh: &[&str]) -> Vec<String> {
        let mut names: Vec<String> = fresh.iter().map(|name| String::from(*name)).collect();
        separate(existing, &mut names.iter_mut().collect::<Vec<_>>());
        names
    }

    #[test]
    fn a_name_that_is_free_is_kept() {
        assert_eq!(separated(&["dsp", "dsp"], &["cam"]), vec!["cam"]);
        assert_eq!(separated(&["dsp", "tz@1"], &["dsp@1", "tz@2", "cam"]), vec!["dsp@1", "tz@2", "cam"]);
    }

    #[test]
    fn a_name_that_is_taken_is_not_given_twice() {
        assert_eq!(separated(&["dsp@1"], &["dsp@1"]), vec!["dsp-moved@1"]);
        assert_eq!(separated(&["dsp", "dsp-moved"], &["dsp"]), vec!["dsp-moved-moved"]);
        assert_eq!(separated(&[], &["dsp", "dsp", "dsp"]), vec!["dsp", "dsp-moved", "dsp-moved-1"]);
    }

    #[test]
    fn a_name_without_a_unit_address_must_not_find_an_earlier_node() {
        assert_eq!(separated(&["dsp@1"], &["dsp"]), vec!["dsp-moved"]);
        assert_eq!(separated(&[], &["dsp", "dsp@1"]), vec!["dsp", "dsp@1"]);
        assert_eq!(separated(&[], &["dsp@1", "dsp"]), vec!["dsp@1", "dsp-moved"]);
    }
}
