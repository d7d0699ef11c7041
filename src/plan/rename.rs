//! Renaming a node, and everything that spells its path.

use crate::fdt::{Edits, NodeId, Tree};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Nodes whose properties hold paths as strings.
const PATH_HOLDERS: &[&str] = &["/__symbols__", "/aliases", "/chosen"];

/// Turns after which a tangle of names is left as it is; real trees need one.
const MAX_TURNS: usize = 16;

/// Rename each node in `renames` (with its new name; all have one parent), and let paths in `__symbols__`,
/// `aliases` and `chosen` follow. A name that a sibling has, or gets, is left alone: the caller's judgement will
/// say so again.
pub(super) fn rename(tree: &Tree<'_>, renames: &[(NodeId, String)], edits: &mut Edits) {
    let mut moved: Vec<(String, String)> = Vec::new();
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
    for holder in PATH_HOLDERS.iter().filter_map(|path| tree.find(path)) {
        for prop in holder.props() {
            let Some(path) = prop.as_str() else { continue };
            let followed = moved.iter().find_map(|(new, old)| {
                let rest = path.strip_prefix(old.as_str())?;
                (rest.is_empty() || rest.starts_with(['/', ':'])).then(|| format!("{new}{rest}\0"))
            });
            if let Some(followed) = followed {
                edits.set(holder.id(), prop.name, followed.into_bytes());
            }
        }
    }
}

/// Those of the renames after which no two siblings have one name. A node that keeps its name after all may
/// stand in the way of another, so this repeats until nothing more falls out, or gives up on all of them.
fn without_collisions<'r>(tree: &Tree<'_>, renames: &'r [(NodeId, String)]) -> BTreeMap<NodeId, &'r str> {
    let mut wanted: BTreeMap<NodeId, &str> = renames.iter().map(|(id, name)| (*id, name.as_str())).collect();
    let Some(parent) = renames.first().and_then(|(id, _)| tree.node(*id).parent()) else { return wanted };
    for _ in 0..MAX_TURNS {
        let mut seen = BTreeSet::new();
        let kept: Vec<&str> = parent
            .children()
            .filter(|node| !wanted.contains_key(&node.id()))
            .map(|node| node.name())
            .collect();
        seen.extend(kept);
        let dropped: Vec<NodeId> =
            wanted.iter().filter(|(_, name)| !seen.insert(**name)).map(|(id, _)| *id).collect();
        if dropped.is_empty() {
            return wanted;
        }
        for id in dropped {
            wanted.remove(&id);
        }
    }
    BTreeMap::new()
}
