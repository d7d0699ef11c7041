//! What is done to a device tree before it is surveyed: the bundle's overlays, the kernel's own arguments.

use alloc::string::String;
use alloc::vec::Vec;
use ringfence::fdt::{Edits, Tree, rewrite};

/// Makes the changes in a new blob, or returns `None` when there are none. It lives until the kernel does.
pub(super) fn apply(
    tree: &Tree<'_>,
    bootargs: Option<Vec<u8>>,
    overlays: &[(String, &'static [u8])],
) -> Option<&'static [u8]> {
    let mut changed = None;
    if let Some(bootargs) = bootargs
        && let Some(chosen) = tree.find("/chosen")
    {
        let mut edits = Edits::new();
        edits.set(chosen.id(), "bootargs", bootargs);
        let blob = rewrite(tree, &edits)
            .unwrap_or_else(|why| halt!("the kernel module's bootargs cannot be set: {why}"));
        changed = Some(&*blob.leak());
    }
    #[cfg(feature = "overlays")]
    for (name, bytes) in overlays {
        changed = Some(overlaid(changed, tree, name, bytes));
    }
    #[cfg(not(feature = "overlays"))]
    if let Some((name, _)) = overlays.first() {
        halt!("overlay {name}: this stage applies none; build it with the feature `overlays`");
    }
    changed
}

#[cfg(feature = "overlays")]
fn overlaid(changed: Option<&'static [u8]>, tree: &Tree<'_>, name: &str, bytes: &[u8]) -> &'static [u8] {
    let overlay = Tree::parse(bytes).unwrap_or_else(|why| halt!("overlay {name} is damaged: {why}"));
    let blob = match changed {
        None => ringfence::fdt::apply_overlay(tree, &overlay),
        Some(blob) => {
            let tree = Tree::parse(blob).unwrap_or_else(|why| halt!("the overlaid device tree: {why}"));
            ringfence::fdt::apply_overlay(&tree, &overlay)
        }
    };
    let blob = blob.unwrap_or_else(|why| halt!("overlay {name}: {why}; the device tree stays as it was"));
    console!("overlay: {name} applied");
    blob.leak()
}
