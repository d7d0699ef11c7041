//! Finds the CPU address of a device from its `reg`, through the `ranges` of the buses above it
//! (Devicetree Specification 0.4, section 2.3.8).

use ringfence::fdt::Node;
use ringfence::span::Span;

/// Cells of one bus: how many words an address and a size take in the `reg` of its children.
#[derive(Clone, Copy)]
struct Bus {
    address: usize,
    size: usize,
}

impl Bus {
    fn of(node: Node<'_, '_>) -> Option<Self> {
        Some(Self { address: node.address_cells().ok()? as usize, size: node.size_cells().ok()? as usize })
    }
}

/// Give the span of registers that the first tuple of `node`'s `reg` names, as the CPU sees it.
///
/// `None` when there is no `reg`, when a bus on the way has no `ranges` (its children have no CPU address) or
/// none that covers the device, and when a number does not fit 64 bits.
#[must_use]
pub fn registers(node: Node<'_, '_>) -> Option<Span> {
    let mut bus = node.parent()?;
    let cells = Bus::of(bus)?;
    let reg = node.prop("reg")?.value;
    let base = number(reg, 0, cells.address)?;
    let size = number(reg, cells.address, cells.size)?;
    let mut span = Span::new(base, size)?;
    while let Some(parent) = bus.parent() {
        span = translate(bus, parent, span)?;
        bus = parent;
    }
    Some(span)
}

fn translate(bus: Node<'_, '_>, parent: Node<'_, '_>, span: Span) -> Option<Span> {
    let ranges = bus.prop("ranges")?.value;
    if ranges.is_empty() {
        return Some(span);
    }
    let inner = Bus::of(bus)?;
    let outer = Bus::of(parent)?;
    let words = inner.address + outer.address + inner.size;
    if words == 0 {
        return None;
    }
    ranges.chunks_exact(words * 4).find_map(|tuple| {
        let from = number(tuple, 0, inner.address)?;
        let to = number(tuple, inner.address, outer.address)?;
        let window = Span::new(from, number(tuple, inner.address + outer.address, inner.size)?)?;
        if !window.covers(span) {
            return None;
        }
        span.at(to.checked_add(span.base() - from)?)
    })
}

/// Read `count` big-endian words from word `at`. Of three words, as PCI has, the first holds flags.
fn number(value: &[u8], at: usize, count: usize) -> Option<u64> {
    let bytes = value.get(at * 4..(at + count) * 4)?;
    let bytes = if count == 3 { bytes.get(4..)? } else { bytes };
    match bytes.len() {
        4 | 8 => Some(bytes.iter().fold(0, |n, &byte| n << 8 | u64::from(byte))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence::fdt::{NewNode, Tree, build};

    fn cells(node: NewNode, address: u32, size: u32) -> NewNode {
        node.prop_u32("#address-cells", address).prop_u32("#size-cells", size)
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_be_bytes()).collect()
    }

    fn board(ranges: Option<&[u32]>) -> Vec<u8> {
        let uart = NewNode::new("uart@1000").prop("reg", words(&[0x1000, 0x100]));
        let mut soc = cells(NewNode::new("soc"), 1, 1).child(uart);
        if let Some(ranges) = ranges {
            soc = soc.prop("ranges", words(ranges));
        }
        build(&cells(NewNode::new(""), 2, 2).child(soc), 0, &[]).unwrap()
    }

    fn uart_of(dtb: &[u8]) -> Option<Span> {
        registers(Tree::parse(dtb).unwrap().find("/soc/uart@1000").unwrap())
    }

    #[test]
    fn empty_ranges_are_an_identity() {
        assert_eq!(uart_of(&board(Some(&[]))), Span::new(0x1000, 0x100));
    }

    #[test]
    fn ranges_shift_the_window_that_covers_the_device() {
        let ranges = [0x8000, 0, 0x9000_0000, 0x1000, 0, 0xf, 0xa000_0000, 0x10000];
        assert_eq!(uart_of(&board(Some(&ranges))), Span::new(0xf_a000_1000, 0x100));
    }

    #[test]
    fn a_device_behind_no_window_has_no_address() {
        assert_eq!(uart_of(&board(None)), None);
        assert_eq!(uart_of(&board(Some(&[0x8000, 0, 0x9000_0000, 0x1000]))), None);
        assert_eq!(uart_of(&board(Some(&[0, 0xffff_ffff, 0xffff_f000, 0x10000]))), None, "wraps");
    }
}
