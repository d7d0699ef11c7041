//! The device tree that the loader gave: where it is, and how long.

use super::asm;
use super::fault;
use super::maps::Maps;
use ringfence::fdt::{MAGIC, MAX_BOOT_SIZE};
use ringfence::span::Span;
use ringfence_boot::layout::Layout;

/// Bytes of the header that are looked at first: magic number and total size.
const FIRST: u64 = 8;

/// Why x0 does not lead to a device tree.
pub(super) enum NoTree {
    /// The loader passes none.
    Absent(&'static str),
    /// It passes one that cannot be read: what that reserves is not known.
    Unusable(&'static str),
}

/// Returns the span of the first words of the device tree, or the reason why there can be none at `address`.
pub(super) fn header(address: u64, layout: &Layout) -> Result<Span, NoTree> {
    if address == 0 {
        return Err(NoTree::Absent(
            "no device tree: x0 is 0; pass one (QEMU: -dtb, U-Boot: third argument of booti)",
        ));
    }
    if !address.is_multiple_of(8) {
        return Err(NoTree::Unusable("the device tree is not at a multiple of 8 bytes; load it at one"));
    }
    let span = Span::new(address, FIRST);
    let span = span.ok_or(NoTree::Absent("x0 is not an address of a device tree; pass one"))?;
    match layout.image() {
        Some(image) if image.overlaps(span) => Err(NoTree::Unusable(
            "the device tree is inside the memory of the stage (see image_size); load it elsewhere",
        )),
        _ => Ok(span),
    }
}

/// Reads the size of the device tree from its header, which is mapped, and returns its span.
pub(super) fn measure(maps: &mut Maps, header: Span, layout: &Layout) -> Result<Span, NoTree> {
    fault::begin("reading the device tree", header.base());
    if asm::probe(header.base()).is_err() {
        return Err(NoTree::Absent("nothing answers at the address in x0; pass that of the device tree"));
    }
    let bytes = maps.copy(header).unwrap_or_default();
    let word =
        |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes);
    if word(0) != MAGIC {
        let why = "no device tree where x0 points: the magic number d00dfeed is missing; pass one in x0";
        // What else is there may be a tree that something was written over.
        return Err(if word(0) == 0 { NoTree::Absent(why) } else { NoTree::Unusable(why) });
    }
    let size = u64::from(word(4));
    if size > MAX_BOOT_SIZE as u64 {
        return Err(NoTree::Unusable(
            "the device tree is larger than 2 MiB, the limit of every arm64 kernel; make it smaller",
        ));
    }
    let span = Span::new(header.base(), size.max(FIRST));
    let span = span.ok_or(NoTree::Unusable("the device tree wraps around memory"))?;
    match layout.image() {
        Some(image) if image.overlaps(span) => Err(NoTree::Unusable(
            "the device tree reaches into the memory of the stage (see image_size); load it elsewhere",
        )),
        _ => Ok(span),
    }
}
