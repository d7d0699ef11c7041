//! Paths in properties, which follow the nodes that they lead to.

use crate::fdt::{Edits, Tree};
use crate::order;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Nodes whose properties hold paths as strings.
const PATH_HOLDERS: &[&str] = &["/__symbols__", "/aliases", "/chosen"];

/// A node with a new path.
pub(super) struct Moved {
    pub(super) old: String,
    pub(super) new: String,
}

/// Rewrites the paths in `__symbols__`, `aliases` and `chosen` that lead to what has `moved`, or through it.
pub(super) fn follow(tree: &Tree<'_>, moved: &[Moved], edits: &mut Edits) {
    // Of several nodes with one path, the path means the first.
    let mut by_old: Vec<(&str, usize)> = moved.iter().map(|node| node.old.as_str()).zip(0..).collect();
    order::sort(&mut by_old);
    let new = |old: &str| {
        let first = by_old.get(by_old.partition_point(|(other, _)| *other < old))?;
        moved.get(first.1).filter(|_| first.0 == old)
    };
    for holder in PATH_HOLDERS.iter().filter(|_| !moved.is_empty()).filter_map(|path| tree.find(path)) {
        // A command line is not a path, whatever it starts with.
        for prop in holder.props().filter(|prop| prop.name != "bootargs") {
            let Some(path) = prop.as_str() else { continue };
            // Every beginning of it that is a path, the shortest first.
            let ends = path.match_indices(['/', ':']).map(|(at, _)| at).skip(1).chain([path.len()]);
            let followed = ends.map(|end| path.split_at(end)).find_map(|(old, rest)| Some((new(old)?, rest)));
            if let Some((node, rest)) = followed {
                edits.set(holder.id(), prop.name, format!("{}{rest}\0", node.new).into_bytes());
            }
        }
    }
}
