//! Publishes the overlay's labels as paths of the merged tree.

use super::error::{Fail, OverlayFault};
use super::fixup::Patched;
use super::index::cut;
use super::merge::Merged;
use crate::fdt::{NodeId, Prop};

/// Adds the overlay's labels to the base's `/__symbols__`, which is made when it is missing.
pub(super) fn publish<'t>(merged: &mut Merged<'t>, overlay: &mut Patched<'t>) -> Result<(), Fail<'t>> {
    let tree = overlay.index.tree;
    let Some(labels) = overlay.index.child(0, "__symbols__") else { return Ok(()) };
    let fail = |fault, name| Fail::new(fault, labels, name);
    let symbols = merged.child_or_add(0, "__symbols__").ok_or_else(|| fail(OverlayFault::TooDeep, ""))?;
    let mut size: usize = 0;
    for record in tree.prop_records(NodeId(labels)) {
        let label = tree.prop(record);
        let bad = || fail(OverlayFault::BadSymbol, label.name);
        let path = whole_path(label).ok_or_else(bad)?;
        let (fragment, rest) = cut(path, b'/');
        let (content, below) = cut(rest, b'/');
        // Everything else names something that is not merged.
        if content != "__overlay__" {
            continue;
        }
        let fragment = overlay.index.child(0, fragment).ok_or_else(bad)?;
        let target = merged.targets.get(fragment, "").ok_or_else(bad)?;
        let path = merged.path(target, below);
        // A target's path may be far longer than what names it: many labels of one deep node are refused
        // here, before they fill the memory.
        size = size.saturating_add(path.len());
        if size > merged.limit() {
            return Err(fail(OverlayFault::TooManyLabels, label.name));
        }
        merged.set_path(symbols, label.name, path);
    }
    Ok(())
}

/// Returns the path that a label leads to, without the `/` at its start.
fn whole_path(label: Prop<'_>) -> Option<&str> {
    let path = label.as_str()?;
    if path.len() + 1 != label.value.len() { None } else { path.strip_prefix('/') }
}
