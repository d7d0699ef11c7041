//! How far the addresses of a tree reach, which is how many bits its stage-2 map must have.

use crate::fdt::{Bus, Node, Tree};
use crate::survey::MemoryMap;
use alloc::vec::Vec;

/// Returns the end, exclusive, of the highest memory, register block or bus window that the tree names, or 0.
#[must_use]
pub fn highest_address(tree: &Tree<'_>, map: &MemoryMap) -> u64 {
    let memory = map.ram.spans().iter().copied().chain(map.carveouts()).map(|span| span.end()).max();
    let mut highest = memory.unwrap_or(0);
    let Some(root) = Bus::root(tree) else { return highest };
    // The nodes whose children are still to be read, with their buses.
    let mut rest: Vec<(Node<'_, '_>, Bus)> = alloc::vec![(tree.root(), root)];
    while let Some((parent, bus)) = rest.pop() {
        for node in parent.children() {
            if !bus.has_flags() {
                highest = bus.registers(node).flatten().map(|span| span.end()).fold(highest, u64::max);
            }
            let Some(below) = node.has_prop("ranges").then(|| bus.below(node)).flatten() else { continue };
            // What is on a PCI bus gets its place there later; on any other, `reg` says where it is.
            if below.has_flags() {
                highest = below.windows().map(|span| span.end()).fold(highest, u64::max);
            }
            rest.push((node, below));
        }
    }
    highest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::BootFacts;
    use crate::fdt::{NewNode, build};

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn cells(node: NewNode, address: u32) -> NewNode {
        node.prop_u32("#address-cells", address).prop_u32("#size-cells", 2)
    }

    fn highest(children: Vec<NewNode>) -> u64 {
        let root = children.into_iter().fold(cells(NewNode::new(""), 2), NewNode::child);
        let blob = build(&root, 0, &[]).unwrap();
        let tree = Tree::parse(&blob).unwrap();
        highest_address(&tree, &MemoryMap::survey(&tree, &BootFacts::default()))
    }

    #[test]
    fn memory_registers_and_windows_of_pci_count() {
        let memory = NewNode::new("memory@40000000").prop_str("device_type", "memory");
        let memory = memory.prop("reg", words(&[0, 0x4000_0000, 1, 0]));
        let uart = NewNode::new("uart@10").prop("reg", words(&[0x10, 0x9000_0000, 0, 0x1000]));
        let soc = cells(NewNode::new("soc"), 2).prop("ranges", Vec::new()).child(uart);
        let window = words(&[0x0300_0000, 0x80, 0, 0x80, 0, 0x80, 0]);
        let pci = cells(NewNode::new("pcie"), 3).prop("ranges", window);
        assert_eq!(highest(alloc::vec![memory.clone()]), 0x1_4000_0000);
        assert_eq!(highest(alloc::vec![memory.clone(), soc.clone()]), 0x10_9000_1000);
        assert_eq!(highest(alloc::vec![memory, soc, pci]), 0x100_0000_0000);
    }

    #[test]
    fn a_window_that_shows_everything_is_not_taken_for_devices() {
        let all = words(&[0, 0, 0, 0, u32::MAX, 0]);
        let uart = NewNode::new("uart@900").prop("reg", words(&[0, 0x900, 0, 0x1000]));
        assert_eq!(
            highest(alloc::vec![cells(NewNode::new("soc"), 2).prop("ranges", all).child(uart)]),
            0x1900
        );
    }
}
