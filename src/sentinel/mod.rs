//! The sentinel: a resident at EL2 whose stage-2 map lacks the watched carveouts. What is here is what the
//! stage, the rules and the tool have to know of it alike; the resident itself is `sentinel/`.

mod processors;
mod reach;
mod watched;

pub use processors::{Obstacle, Processor, obstacle, processors};
pub use reach::highest_address;
pub use watched::{Watched, is_claimed, named, watched};

use crate::fdt::{NewNode, Tree};
use crate::span::{KIB, Span};
use crate::survey::{Cells, MemoryMap, Region};
use alloc::format;

/// The name of the sentinel's region, without the unit address.
pub const NAME: &str = "ringfence-sentinel";
/// Marks the sentinel's region. No driver of Linux has it.
const COMPATIBLE: &str = "ringfence,sentinel";
/// Bytes of the sentinel's region: code, configuration, stacks, ring, its own tables, and those of stage 2.
pub const SIZE: u64 = 512 * KIB;
/// Alignment of the sentinel's region in bytes: up to 16 root tables lie side by side, and so does a page of
/// any kernel.
pub const ALIGN: u64 = 64 * KIB;

/// Makes the node of the sentinel's region at `span`. `None` when the address does not fit the cells.
pub(crate) fn node(span: Span, cells: Cells) -> Option<NewNode> {
    let node = NewNode::new(&format!("{NAME}@{:x}", span.base())).prop_str("compatible", COMPATIBLE);
    Some(node.prop("reg", cells.encode_span(span)?).prop_empty("no-map"))
}

/// Returns the region that is the sentinel's memory, if the tree has one.
#[must_use]
pub fn region<'m>(tree: &Tree<'_>, map: &'m MemoryMap) -> Option<&'m Region> {
    let is_home = |region: &&Region| {
        let list = tree.node(region.node).prop("compatible");
        list.is_some_and(|list| list.strings().any(|name| name == COMPATIBLE))
    };
    map.enabled().find(is_home)
}

/// Returns the memory of the sentinel: its region's one span, if the sentinel can live there.
///
/// # Errors
/// A text that completes a sentence about the region.
pub fn home(region: &Region) -> Result<Span, &'static str> {
    let [span] = region.spans() else { return Err("has no fixed address") };
    match () {
        () if !region.no_map => Err("lacks `no-map`, so Linux could write to it"),
        () if span.len() < SIZE => Err("is smaller than 512 KiB"),
        () if !span.base().is_multiple_of(ALIGN) => Err("does not start at a multiple of 64 KiB"),
        () => Ok(*span),
    }
}
