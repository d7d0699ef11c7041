//! The device tree that the loader gave: where it lies, and its bytes once they are mapped.

use super::{asm, memory};
use ringfence::fdt::{MAGIC, MAX_BOOT_SIZE};
use ringfence::span::Span;
use ringfence_boot::layout::Layout;

/// Bytes of the header that are looked at first: magic number and total size.
const FIRST: u64 = 8;

/// The span of the first words of the device tree, or the reason why there can be none at `address`.
pub(super) fn header(address: u64, layout: &Layout) -> Result<Span, &'static str> {
    if address == 0 {
        return Err("no device tree: x0 is 0; pass one (QEMU: -dtb, U-Boot: third argument of booti)");
    }
    if !address.is_multiple_of(8) {
        return Err("the device tree is not at a multiple of 8 bytes; load it at one");
    }
    let span = Span::new(address, FIRST).ok_or("x0 is no address of a device tree; pass one")?;
    match layout.image() {
        Some(image) if image.overlaps(span) => {
            Err("the device tree lies inside the memory of the stage (see image_size); load it elsewhere")
        }
        _ => Ok(span),
    }
}

/// Read the size of the device tree from its header, which is mapped, and give its span.
pub(super) fn measure(header: Span, layout: &Layout) -> Result<Span, &'static str> {
    if asm::probe(header.base()).is_err() {
        return Err("nothing answers where x0 says the device tree lies; pass its address in x0");
    }
    // SAFETY: mapped for reading by the second map; the loader is done with it.
    let bytes = unsafe { memory::bytes(header) };
    let word =
        |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes);
    if word(0) != MAGIC {
        return Err("no device tree where x0 points: the magic number d00dfeed is missing; pass one in x0");
    }
    let size = u64::from(word(4));
    if size > MAX_BOOT_SIZE as u64 {
        return Err(
            "the device tree says it is larger than 2 MiB, which no arm64 kernel takes; make it smaller",
        );
    }
    let span = Span::new(header.base(), size.max(FIRST)).ok_or("the device tree wraps around memory")?;
    match layout.image() {
        Some(image) if image.overlaps(span) => {
            Err("the device tree reaches into the memory of the stage (see image_size); load it elsewhere")
        }
        _ => Ok(span),
    }
}
