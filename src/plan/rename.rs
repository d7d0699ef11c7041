//! Renaming a node, and everything that spells its path.

use crate::fdt::{Edits, NodeId, Tree};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Nodes whose properties hold paths as strings.
const PATH_HOLDERS: &[&str] = &["/__symbols__", "/aliases", "/chosen"];

/// Rename each node in `renames` (with its new name), and let paths in `__symbols__`, `aliases` and `chosen`
/// follow. A name that a sibling already has is left alone: the caller's judgement will say so again.
pub(super) fn rename(tree: &Tree<'_>, renames: &[(NodeId, String)], edits: &mut Edits) {
    let mut moved: Vec<(String, String)> = Vec::new();
    for (node, name) in renames {
        let node = tree.node(*node);
        let Some(parent) = node.parent() else { continue };
        if parent.children().any(|sibling| sibling.name() == name && sibling.id() != node.id()) {
            continue;
        }
        let old = node.path();
        let stem = old.strip_suffix(node.name()).unwrap_or_default();
        moved.push((format!("{stem}{name}"), old.clone()));
        edits.rename(node.id(), name);
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
