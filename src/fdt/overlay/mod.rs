//! Applies a compiled overlay (`.dtbo`) to a tree, as libfdt's `fdt_overlay_apply` does (dtc 1.7 and later,
//! so U-Boot too). The result is a new blob.
//!
//! 1. Renumber: the overlay's phandles move above the base's highest; `/__local_fixups__` lists their uses.
//! 2. Resolve: each label in `/__fixups__` is looked up in the base's `/__symbols__`, and its phandle written
//!    to the places that use it.
//! 3. Merge: each fragment's `__overlay__` is merged into its target, which an earlier fragment may have
//!    added.
//! 4. Publish: the overlay's labels are added to the base's `/__symbols__`, for the next overlay.
//!
//! A node of the base keeps its phandle even if the overlay gives it another: references in the base would
//! dangle otherwise, as they do with dtc before 1.7.
//!
//! | input | here |
//! |---|---|
//! | no fragment with `__overlay__` at all | refused: it is probably a whole tree |
//! | a phandle of 0 | refused, where libfdt gives two nodes one number |
//! | a symbol of a fragment itself | written without the `/` that libfdt leaves after it |
//! | the overlay's memory reserve list | not looked at, as in libfdt |
//!
//! Nothing recurses, every name is found through an index, and patched words are bounds-checked. The stage's
//! image must be small, so there is one kind of map and one internal kind of error, and names are looked up
//! only where an error needs them.

mod error;
mod fixup;
mod index;
mod map;
mod merge;
mod symbols;

#[cfg(test)]
mod tests;

use alloc::vec::Vec;

pub use error::{OverlayError, OverlayFault};

use super::{NodeId, Tree};
use error::Fail;
use fixup::Patched;
use merge::Merged;

/// Applies `overlay` to `base` and writes the result. Several overlays go one after the other, each to the
/// result of the one before.
///
/// # Errors
/// An [`OverlayError`] that names the place in the overlay. There is no half-merged result.
pub fn apply_overlay(base: &Tree<'_>, overlay: &Tree<'_>) -> Result<Vec<u8>, OverlayError> {
    let mut merged = Merged::new(base);
    let mut patched = Patched::new(overlay).map_err(OverlayError::Tree)?;
    merge(&mut merged, &mut patched).map_err(|fail| fail.named(overlay))?;
    merged.write(&patched).map_err(OverlayError::Tree)
}

fn merge<'t>(merged: &mut Merged<'t>, overlay: &mut Patched<'t>) -> Result<(), Fail<'t>> {
    overlay.renumber(merged.highest)?;
    overlay.resolve_labels(&mut merged.base)?;
    merged.fragments(overlay)?;
    overlay.restore_references(&merged.kept)?;
    symbols::publish(merged, overlay)
}

/// Children of the root that only whole trees have.
const OF_BOARDS: [&str; 3] = ["memory", "reserved-memory", "cpus"];

/// Returns whether a tree is an overlay: it has a fragment, and nothing that only a board has. A board may
/// hold what looks like a fragment, where a build merged a source into it.
#[must_use]
pub fn is_overlay(tree: &Tree<'_>) -> bool {
    let mut children = tree.root().children();
    children.clone().any(|fragment| fragment.child("__overlay__").is_some())
        && !children.any(|node| OF_BOARDS.iter().any(|name| node.has_base_name(name)))
}

/// Returns the index after the last descendant of a node.
fn end(tree: &Tree<'_>, node: u32) -> u32 {
    tree.record(NodeId(node)).map_or(0, |record| record.end)
}

/// Returns how far a node is below another.
fn depth_below(tree: &Tree<'_>, node: u32, top: u32) -> usize {
    let depth = |id| tree.record(NodeId(id)).map_or(0, |record| usize::from(record.depth));
    depth(node).saturating_sub(depth(top))
}
