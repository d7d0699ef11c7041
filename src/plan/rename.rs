//! Renaming a node, and everything that spells its path.

use crate::fdt::{Edits, NodeId, Tree};
use crate::order;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Nodes whose properties hold paths as strings.
const PATH_HOLDERS: &[&str] = &["/__symbols__", "/aliases", "/chosen"];

/// Turns after which a tangle of names is left as it is; real trees need one.
const MAX_TURNS: usize = 16;

/// Rename each node in `renames` (with its new name; all have one parent), and let paths in `__symbols__`,
/// `aliases` and `chosen` follow, as well as those of nodes that have `moved` (new and old path). A name that a sibling has, or gets, is left alone: the caller's judgement will
/// say so again.
pub(super) fn rename(
    tree: &Tree<'_>,
    renames: &[(NodeId, String)],
    mut moved: Vec<(String, String)>,
    edits: &mut Edits,
) {
    for (id, name) in without_collisions(tree, renames) {
        let node = tree.node(id);
        let old = node.path();
        let stem = old.strip_suffix(node.name()).unwrap_or_default();
        moved.push((format!("{stem}{name}"), old.clone()));
        edits.rename(id, name);
    }
    if moved.is_empty() {
        return;
    }
    order::sort_by_key(&mut moved, |(_, old)| old.clone());
    for holder in PATH_HOLDERS.iter().filter_map(|path| tree.find(path)) {
        for prop in holder.props() {
            let Some(path) = prop.as_str() else { continue };
            // Every beginning of it that is a path, the shortest first.
            let ends = path.match_indices(['/', ':']).map(|(at, _)| at).skip(1).chain([path.len()]);
            let followed = ends.map(|end| path.split_at(end)).find_map(|(head, rest)| {
                let at = moved.binary_search_by(|(_, old)| old.as_str().cmp(head)).ok()?;
                moved.get(at).map(|(new, _)| format!("{new}{rest}\0"))
            });
            if let Some(followed) = followed {
                edits.set(holder.id(), prop.name, followed.into_bytes());
            }
        }
    }
}

/// Those of the renames after which no two siblings have one name. A node that keeps its name after all may
/// stand in the way of another, so this repeats until nothing more falls out, or gives up on all of them.
fn without_collisions<'r>(tree: &Tree<'_>, renames: &'r [(NodeId, String)]) -> Vec<(NodeId, &'r str)> {
    let mut wanted: Vec<(NodeId, &str)> = renames.iter().map(|(id, name)| (*id, name.as_str())).collect();
    order::sort(&mut wanted);
    wanted.dedup_by_key(|(id, _)| *id);
    let Some(parent) = renames.first().and_then(|(id, _)| tree.node(*id).parent()) else { return wanted };
    for _ in 0..MAX_TURNS {
        // Every name there would be; of one name, the node that keeps it comes first, then the lowest id.
        let mut names: Vec<(&str, Option<NodeId>)> = Vec::new();
        for node in parent.children() {
            names.push(match wanted.binary_search_by_key(&node.id(), |(id, _)| *id) {
                Ok(at) => (wanted.get(at).map_or("", |(_, name)| *name), Some(node.id())),
                Err(_) => (node.name(), None),
            });
        }
        order::sort(&mut names);
        let mut dropped: Vec<NodeId> = names
            .windows(2)
            .filter_map(|pair| match pair {
                [(one, _), (other, Some(id))] if one == other => Some(*id),
                _ => None,
            })
            .collect();
        if dropped.is_empty() {
            return wanted;
        }
        order::sort(&mut dropped);
        wanted.retain(|(id, _)| dropped.binary_search(id).is_err());
    }
    Vec::new()
}
