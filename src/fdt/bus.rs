//! Translates addresses of a bus to those that the CPU sees (Devicetree Specification 0.4, section 2.3.8).

use super::header::be32;
use super::{Node, Tree};
use crate::span::Span;
use alloc::vec::Vec;

/// Most windows of one bus; no board known has more than 60, and every register block asks them in turn.
const MAX_WINDOWS: usize = 1024;

/// The addresses that the children of a node use, and where the CPU sees them.
#[derive(Clone, Debug)]
pub struct Bus {
    /// Words of an address in the `reg` of a child: 1, 2, or 3 as on PCI, where the first holds flags.
    address_cells: usize,
    /// Words of a size in the `reg` of a child.
    size_cells: usize,
    /// `None` where the CPU sees the same addresses.
    windows: Option<Vec<Window>>,
}

/// A span of bus addresses and the CPU address of its first byte.
#[derive(Clone, Copy, Debug)]
struct Window {
    bus: Span,
    cpu: u64,
}

impl Bus {
    /// Returns the bus of the root's children, whose addresses are the CPU's. `None` when the root's cells
    /// cannot be read.
    #[must_use]
    pub fn root(tree: &Tree<'_>) -> Option<Self> {
        Self::with_cells(tree.root(), None)
    }

    /// Returns the bus of the children of `node`, which is itself on this one.
    ///
    /// `None` when the CPU sees none of their addresses: `node` has no `ranges`, or its cells cannot be read.
    /// Of a window that another bus on the way shows only in part, that part counts.
    #[must_use]
    pub fn below(&self, node: Node<'_, '_>) -> Option<Self> {
        self.through(node, node.prop("ranges")?.value)
    }

    /// Returns the same for the addresses that devices below `node` use for DMA. Without a `dma-ranges` they
    /// are those of this bus, as in `of_translate_one` (drivers/of/address.c).
    #[must_use]
    pub fn below_for_dma(&self, node: Node<'_, '_>) -> Option<Self> {
        self.through(node, node.prop("dma-ranges").map_or(&[], |ranges| ranges.value))
    }

    /// Returns the end of what devices below `node` reach by its `dma-ranges`, as the CPU sees it, exclusive.
    /// `None` without windows (drivers/of/address.c, `of_dma_get_max_cpu_address`).
    #[must_use]
    pub fn dma_end(&self, node: Node<'_, '_>) -> Option<u64> {
        let below = Self::with_cells(node, None)?;
        let ends = self.windows_of(&below, node.prop("dma-ranges")?.value).filter_map(|(_, to)| {
            let (_, cpu) = self.seen(to).next()?;
            cpu.checked_add(to.len())
        });
        ends.max()
    }

    fn through(&self, node: Node<'_, '_>, ranges: &[u8]) -> Option<Self> {
        let mut bus = Self::with_cells(node, self.windows.clone())?;
        if ranges.is_empty() {
            return Some(bus);
        }
        let mut windows = Vec::new();
        for (from, to) in self.windows_of(&bus, ranges) {
            let room = MAX_WINDOWS - windows.len();
            windows.extend(self.seen(to).take(room).filter_map(|(part, cpu)| {
                let from = from.base() + (part.base() - to.base());
                Some(Window { bus: part.at(from)?, cpu })
            }));
        }
        bus.windows = Some(windows);
        Some(bus)
    }

    /// Returns the windows that `ranges` of the bus `below` states: in its addresses, and in those of this
    /// one.
    fn windows_of(&self, below: &Self, ranges: &[u8]) -> impl Iterator<Item = (Span, Span)> {
        let (to, size) = (below.address_cells, below.address_cells + self.address_cells);
        let (above, size_cells) = (self.address_cells, below.size_cells);
        let tuples = ranges.chunks_exact((size + size_cells).max(1) * 4).take(MAX_WINDOWS);
        tuples.filter_map(move |tuple| {
            let span = Span::new(number(tuple, 0, to)?, number(tuple, size, size_cells)?)?;
            Some((span, span.at(number(tuple, to, above)?)?))
        })
    }

    /// Returns the bus that `node` is on. `None` when the CPU sees no address of it.
    #[must_use]
    pub fn of(node: Node<'_, '_>) -> Option<Self> {
        let mut above = Vec::new();
        let mut next = node.parent();
        while let Some(node) = next {
            above.push(node);
            next = node.parent();
        }
        let root = Self::with_cells(above.pop()?, None)?;
        above.into_iter().rev().try_fold(root, |bus, node| bus.below(node))
    }

    /// Tells whether addresses on this bus carry flags, as on PCI: the `reg` of a child is then what its
    /// bridge assigns later.
    #[must_use]
    pub const fn has_flags(&self) -> bool {
        self.address_cells > 2
    }

    /// Returns what the CPU sees of this bus, window by window; nothing where that is everything.
    pub fn windows(&self) -> impl Iterator<Item = Span> {
        self.windows.iter().flatten().filter_map(|window| window.bus.at(window.cpu))
    }

    /// Returns the register blocks of a child of this bus as the CPU sees them, in the order of its `reg`;
    /// `None` for a block that the CPU does not see.
    pub fn registers<'a>(&self, node: Node<'_, 'a>) -> impl Iterator<Item = Option<Span>> + use<'_, 'a> {
        self.registers_in(node.prop("reg").map_or(&[][..], |reg| reg.value))
    }

    /// Returns the same of the value of a `reg`.
    pub fn registers_in<'a>(&self, reg: &'a [u8]) -> impl Iterator<Item = Option<Span>> + use<'_, 'a> {
        let words = self.address_cells + self.size_cells;
        reg.chunks_exact(words.max(1) * 4).map(|tuple| {
            let base = number(tuple, 0, self.address_cells)?;
            self.to_cpu(Span::new(base, number(tuple, self.address_cells, self.size_cells)?)?)
        })
    }

    /// Returns where the CPU sees `span`, when one window shows all of it.
    fn to_cpu(&self, span: Span) -> Option<Span> {
        let (seen, cpu) = self.seen(span).next()?;
        if seen == span { span.at(cpu) } else { None }
    }

    /// Returns the parts of `span` that the CPU sees, each with the CPU address of its first byte.
    fn seen(&self, span: Span) -> impl Iterator<Item = (Span, u64)> {
        let whole = self.windows.is_none().then_some((span, span.base()));
        let windows = self.windows.iter().flatten().filter_map(move |window| {
            let part = window.bus.intersection(span)?;
            Some((part, window.cpu.checked_add(part.base() - window.bus.base())?))
        });
        whole.into_iter().chain(windows)
    }

    fn with_cells(node: Node<'_, '_>, windows: Option<Vec<Window>>) -> Option<Self> {
        let (address, size) = (node.address_cells().ok()?, node.size_cells().ok()?);
        Some(Self { address_cells: address as usize, size_cells: size as usize, windows })
    }
}

/// Reads `count` big-endian words from word `at`. Of three words, as PCI has, the first holds flags.
fn number(value: &[u8], at: usize, count: usize) -> Option<u64> {
    let (at, count) = if count == 3 { (at + 1, 2) } else { (at, count) };
    let word = |at: usize| be32(value, at * 4).map(u64::from);
    match count {
        1 => word(at),
        2 => Some(word(at)? << 32 | word(at + 1)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fdt::{NewNode, build};

    fn cells(node: NewNode, address: u32, size: u32) -> NewNode {
        node.prop_u32("#address-cells", address).prop_u32("#size-cells", size)
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_be_bytes()).collect()
    }

    fn board(outer: Option<&[u32]>, inner: &[u32], reg: &[u32]) -> Vec<u8> {
        let uart = NewNode::new("uart@1000").prop("reg", words(reg));
        let bus = cells(NewNode::new("bus"), 1, 1).prop("ranges", words(inner)).child(uart);
        let mut soc = cells(NewNode::new("soc"), 1, 1).child(bus);
        if let Some(ranges) = outer {
            soc = soc.prop("ranges", words(ranges));
        }
        build(&cells(NewNode::new(""), 2, 2).child(soc), 0, &[]).unwrap()
    }

    fn uart_of(dtb: &[u8]) -> Option<Span> {
        let tree = Tree::parse(dtb).unwrap();
        let uart = tree.find("/soc/bus/uart@1000").unwrap();
        Bus::of(uart)?.registers(uart).next()?
    }

    const UART: &[u32] = &[0x1000, 0x100];

    #[test]
    fn empty_ranges_are_an_identity() {
        assert_eq!(uart_of(&board(Some(&[]), &[], UART)), Span::new(0x1000, 0x100));
    }

    #[test]
    fn ranges_shift_the_window_that_covers_the_device() {
        let ranges = [0x8000, 0, 0x9000_0000, 0x1000, 0, 0xf, 0xa000_0000, 0x10000];
        assert_eq!(uart_of(&board(Some(&ranges), &[], UART)), Span::new(0xf_a000_1000, 0x100));
    }

    #[test]
    fn a_device_behind_no_window_has_no_address() {
        assert_eq!(uart_of(&board(None, &[], UART)), None);
        assert_eq!(uart_of(&board(Some(&[0x8000, 0, 0x9000_0000, 0x1000]), &[], UART)), None);
        assert_eq!(uart_of(&board(Some(&[0, 0xffff_ffff, 0xffff_f000, 0x10000]), &[], UART)), None, "wraps");
        assert_eq!(uart_of(&board(Some(&[0, 0, 0x9000_0000, 0x1080]), &[], UART)), None, "in part");
    }

    #[test]
    fn an_inner_window_may_be_larger_than_what_the_outer_one_shows() {
        let outer = [0x10_0000, 0, 0x9000_0000, 0x10000, 0x20_0000, 0, 0xa000_0000, 0x10000];
        let board = |inner: &[u32], reg: &[u32]| uart_of(&board(Some(&outer), inner, reg));
        assert_eq!(board(&[0, 0, 0x4000_0000], &[0x20_1000, 0x100]), Span::new(0xa000_1000, 0x100));
        assert_eq!(board(&[0, 0x10_0000, 0x4000_0000], &[0x1000, 0x100]), Span::new(0x9000_1000, 0x100));
        assert_eq!(board(&[0, 0, 0x4000_0000], &[0x1000, 0x100]), None);
    }

    #[test]
    fn every_register_block_is_found_and_none_without_cells() {
        let dtb = board(Some(&[]), &[], &[0x1000, 0x100, 0x3000, 0, 0x2000, 0x200]);
        let tree = Tree::parse(&dtb).unwrap();
        let uart = tree.find("/soc/bus/uart@1000").unwrap();
        let blocks: Vec<Option<Span>> = Bus::of(uart).unwrap().registers(uart).collect();
        assert_eq!(blocks, [Span::new(0x1000, 0x100), None, Span::new(0x2000, 0x200)]);
        let bare = cells(NewNode::new(""), 0, 0).child(NewNode::new("cpu@1").prop("reg", words(&[1])));
        let bare = build(&bare, 0, &[]).unwrap();
        let tree = Tree::parse(&bare).unwrap();
        let cpu = tree.find("/cpu@1").unwrap();
        assert_eq!(Bus::of(cpu).unwrap().registers(cpu).flatten().count(), 0);
    }
}
