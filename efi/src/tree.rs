//! Which device tree is judged, and what is done to it before.

use crate::application::Overlay;
use crate::firmware::pages;
use crate::loader::Loader;
use crate::payload::Payload;
use crate::refusal::{Result, refusal};
use alloc::vec::Vec;
use ringfence::efi::EfiUse;
use ringfence::fdt::{Edits, NewNode, Tree, rewrite};
use ringfence::span::Span;

/// Where loaders without LoadFile2 (GRUB before 2.12) say that the initrd is.
const INITRD: [&str; 2] = ["linux,initrd-start", "linux,initrd-end"];

/// Returns the bytes that `/chosen` calls the initrd, if there are any.
pub(crate) fn slot(loader: &Loader) -> Option<&'static [u8]> {
    let chosen = loader.tree.as_ref()?.find("/chosen")?;
    let [start, end] = INITRD.map(|name| chosen.prop(name).and_then(|prop| prop.as_u64()));
    let span = Span::from_ends(start?, end?)?;
    // A stale entry is an address without anything there: what no loader has allocated is not read.
    let used = loader.map.within(span).filter(|range| range.kind.usage() == EfiUse::UntilLinux);
    if used.map(|range| range.span.len()).sum::<u64>() == span.len() {
        pages::loaded_by_loader(span)
    } else {
        None
    }
}

/// Returns the tree as the kernel's stub would hand it on: the bundle's or the loader's, the overlays
/// applied, the command line in `bootargs` because the stub puts it there, and no initrd that is not one.
pub(crate) fn prepare(loader: &Loader, payload: &Payload, apply: Option<Overlay>) -> Result<Vec<u8>> {
    let loaders = loader.tree.as_ref().map(|tree| tree.blob().bytes());
    let Some(base) = payload.dtb.or(loaders) else {
        return Err(refusal!(
            "no device tree: the configuration table has none, and the payload brings none; boot with a \
             device tree instead of ACPI, or bring one in the bundle"
        ));
    };
    let mut blob = base.to_vec();
    for (name, bytes) in &payload.overlays {
        let Some(apply) = apply else {
            return Err(refusal!("overlay {name}: this image applies none; take ringfence-full.img"));
        };
        let tree = Tree::parse(&blob).map_err(|why| refusal!("the overlaid device tree: {why}"))?;
        let overlay = Tree::parse(bytes).map_err(|why| refusal!("overlay {name} is damaged: {why}"))?;
        blob = apply(&tree, &overlay)
            .map_err(|why| refusal!("overlay {name}: {why}; the device tree stays as it was"))?;
        console!("overlay: {name} applied");
    }
    let tree = Tree::parse(&blob).map_err(|why| refusal!("the device tree is damaged: {why}"))?;
    let edits = edits(&tree, payload);
    if edits.is_empty() {
        return Ok(tree.blob().bytes().to_vec());
    }
    rewrite(&tree, &edits).map_err(|why| refusal!("/chosen cannot be changed: {why}"))
}

fn edits(tree: &Tree<'_>, payload: &Payload) -> Edits {
    let mut edits = Edits::new();
    let chosen = tree.find("/chosen");
    let line = payload.line.as_ref().map(|line| line.bytes().chain([0]).collect::<Vec<u8>>());
    match (line, chosen) {
        (Some(line), Some(chosen)) if chosen.prop("bootargs").is_none_or(|prop| prop.value != line) => {
            edits.set(chosen.id(), "bootargs", line);
        }
        (Some(line), None) => edits.add_node(tree.root().id(), NewNode::new("chosen").prop("bootargs", line)),
        _ => {}
    }
    let is_stale = payload.initrd.is_some() || payload.is_in_slot;
    if let Some(chosen) = chosen.filter(|_| is_stale) {
        for name in INITRD.into_iter().filter(|name| chosen.has_prop(name)) {
            edits.remove_prop(chosen.id(), name);
        }
    }
    edits
}
