//! Which device tree is enforced: the loader's, or the bundle's with what the loader's states about this boot
//! merged into it. A loader that passes none leaves the one after the kernel.

use super::dtb::NoTree;
use super::maps::Maps;
use super::{overlay, payload};
use alloc::vec::Vec;
use ringfence::facts::{BootFacts, LoaderFacts};
use ringfence::fdt::Tree;
use ringfence::merge::{Loader, merge};
use ringfence::payload::Payload;
use ringfence::span::Span;
use ringfence_boot::layout::Layout;

/// Returns where the device tree is that takes the place of the loader's: after the appended kernel, where
/// the loader passes none. A tree of the loader that cannot be read is refused, since firmware's
/// reservations may be in it.
pub(super) fn without_loaders(maps: &mut Maps, layout: &Layout, devices: &[Span], why: &NoTree) -> Span {
    let why = match why {
        NoTree::Absent(why) => why,
        NoTree::Unusable(why) => halt!("{why}"),
    };
    match payload::appended_tree(maps, layout, devices) {
        None => halt!("{why}"),
        Some(Err(reason)) => halt!("{why}; {reason}"),
        Some(Ok(at)) => {
            console!("tree: the loader passes none; the one after the kernel is used, {at}");
            at
        }
    }
}

/// The tree that is enforced.
pub(super) struct Chosen {
    /// The blob; `None` where it is the loader's as it came.
    pub blob: Option<&'static [u8]>,
    /// Where the blob came from, and how much room it takes.
    pub at: Span,
    /// What the loader's tree states, where this is another.
    pub loader: Option<LoaderFacts>,
}

/// Makes the tree that is enforced out of the loader's, which is at `at`.
pub(super) fn choose(
    at: Span,
    loader: &Tree<'_>,
    bootargs: Option<Vec<u8>>,
    payload: &Payload<'static>,
) -> Chosen {
    let Some((own_at, own)) = payload.fdt else {
        let blob = overlay::apply(loader, bootargs, &payload.overlays);
        return Chosen { blob, at: grown(at, blob), loader: None };
    };
    let own = parse(own, "in the bundle");
    let overlaid = overlay::apply(&own, bootargs, &payload.overlays);
    let own = overlaid.map_or(own, |blob| parse(blob, "with the overlays"));
    let loader = Loader { tree: loader, dtb: Some(at), bundle: Some(payload.at) };
    let merged = merge(&own, &loader, payload.policy.as_ref(), &BootFacts::default());
    let merged = merged.unwrap_or_else(|why| halt!("{why}"));
    console!("tree: {}", merged.facts.account);
    let blob = merged.dtb.map_or(own.blob().bytes(), |dtb| dtb.leak());
    Chosen { blob: Some(blob), at: grown(own_at, Some(blob)), loader: Some(merged.facts) }
}

fn parse(blob: &'static [u8], which: &str) -> Tree<'static> {
    Tree::parse(blob).unwrap_or_else(|why| halt!("the device tree {which} is damaged: {why}"))
}

/// Returns the room of a blob that was at `at`: whatever it grew by counts, where room for it is looked for.
fn grown(at: Span, blob: Option<&[u8]>) -> Span {
    let len = blob.map_or(0, <[u8]>::len) as u64;
    Span::new(at.base(), at.len().max(len)).unwrap_or(at)
}
