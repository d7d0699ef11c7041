//! Which device tree is judged, and what is done to it before.

use crate::firmware::fixup::{self, Flags, Unchanged};
use crate::loader::Loader;
use crate::machine::Overlay;
use crate::payload::{Payload, Slot};
use crate::refusal::{Result, refusal};
use crate::slot::{self, INITRD};
use alloc::vec::Vec;
use ringfence::efi::take_load_options;
use ringfence::facts::{BootFacts, EfiFacts, LoaderFacts};
use ringfence::fdt::{Edits, FdtError, MAX_BOOT_SIZE, Tree, rewrite};
use ringfence::merge::{Loader as LoadersTree, merge};
use ringfence::policy::Policy;
use ringfence::span::Span;

/// Bytes of room that the firmware gets for its fix-ups, each time anew.
const FIXUP_ROOM: usize = 64 << 10;
/// How often it is asked.
const MAX_FIXUPS: usize = 4;

/// The tree of this boot, as the kernel's stub would pass it on.
pub(crate) struct Prepared {
    /// The blob.
    pub(crate) dtb: Vec<u8>,
    /// The bootargs that the load options have replaced.
    pub(crate) replaced: Option<Vec<u8>>,
    /// What the loader's tree states, where this is the payload's.
    pub(crate) loader: Option<LoaderFacts>,
}

/// Returns the loader's tree, or the payload's, completed by the firmware and with the loader's merged into
/// it; with the overlays applied, and with the command line in `bootargs`, because the stub puts it there.
pub(crate) fn prepare(
    loader: &Loader,
    payload: &Payload,
    policy: Option<&Policy>,
    apply: Option<Overlay>,
) -> Result<Prepared> {
    let loaders = loader.tree.as_ref().map(|tree| tree.blob().bytes());
    let Some(base) = payload.dtb.or(loaders) else {
        return Err(refusal!(
            "no device tree: the configuration table has none, and the payload brings none; boot with a \
             device tree instead of ACPI, or bring one in the bundle"
        ));
    };
    let fail = |why: FdtError| refusal!("the device tree is damaged: {why}");
    let mut blob = overlaid(base, payload, apply)?;
    let mut facts = None;
    if payload.dtb.is_some() {
        blob = fixed_up(blob)?;
        if let Some(tree) = &loader.tree {
            let own = Tree::parse(&blob).map_err(fail)?;
            let bytes = tree.blob().bytes();
            let dtb = Span::new(bytes.as_ptr() as u64, bytes.len() as u64);
            let bundle = slot::span(loader).filter(|_| payload.slot == Some(Slot::Chosen));
            let efi = Some(EfiFacts { map: loader.map.clone(), ..EfiFacts::default() });
            let boot = BootFacts { efi, ..BootFacts::default() };
            let merged = merge(&own, &LoadersTree { tree, dtb, bundle }, policy, &boot);
            let merged = merged.map_err(|why| refusal!("{why}"))?;
            console!("tree: {}", merged.facts.account);
            blob = merged.dtb.unwrap_or(blob);
            facts = Some(merged.facts);
        }
    }
    if payload.slot == Some(Slot::Chosen) {
        blob = without_slot(&blob).map_err(fail)?;
    }
    let Some(line) = &payload.line else { return Ok(Prepared { dtb: blob, replaced: None, loader: facts }) };
    let tree = Tree::parse(&blob).map_err(fail)?;
    let (dtb, replaced) = take_load_options(&tree, line.as_bytes()).map_err(fail)?;
    Ok(Prepared { dtb, replaced, loader: facts })
}

/// Applies the overlays.
fn overlaid(base: &[u8], payload: &Payload, apply: Option<Overlay>) -> Result<Vec<u8>> {
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
    Ok(blob)
}

/// Removes the initrd's slot, in which the bundle is.
fn without_slot(blob: &[u8]) -> core::result::Result<Vec<u8>, FdtError> {
    let tree = Tree::parse(blob)?;
    let mut edits = Edits::new();
    if let Some(chosen) = tree.find("/chosen") {
        for name in INITRD.into_iter().filter(|name| chosen.has_prop(name)) {
            edits.remove_prop(chosen.id(), name);
        }
    }
    rewrite(&tree, &edits)
}

/// Has the firmware complete a tree that is not its own, where it has a protocol for that.
fn fixed_up(blob: Vec<u8>) -> Result<Vec<u8>> {
    let mut room = blob.len().saturating_add(FIXUP_ROOM);
    for _ in 0..MAX_FIXUPS {
        let mut buffer = blob.clone();
        buffer.resize(room.min(MAX_BOOT_SIZE).max(blob.len()), 0);
        match fixup::ask(&mut buffer, Flags::APPLY) {
            Ok(false) => return Ok(blob),
            Ok(true) => {
                console!("tree: the firmware's fix-ups are applied");
                return Ok(buffer);
            }
            Err(Unchanged::TooSmall(needed)) => room = needed.max(room.saturating_add(FIXUP_ROOM)),
            Err(Unchanged::Status(why)) => {
                return Err(refusal!("the firmware does not complete the payload's device tree ({why})"));
            }
        }
    }
    Err(refusal!("the firmware's fix-ups need more room than Linux maps for a device tree"))
}
