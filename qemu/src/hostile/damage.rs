//! Damages device trees and bundles, by chance and by intent.

use super::random::Random;
use ringfence::fdt::{Edits, NewNode, Tree, rewrite};

/// Words that mean something to a reader, or nearly.
const WORDS: [u32; 14] =
    [0, 1, 2, 3, 4, 9, 5, 0x7f, 0xff, 0x8000_0000, 0x7fff_ffff, 0xffff_fffc, 0xffff_ffff, 0xd00d_feed];

/// Addresses and sizes that are at some edge of the board.
const EDGES: [u64; 14] = [
    0,
    1,
    0xfff,
    0x1000,
    0x900_0000,
    0x4000_0000,
    0x4020_0000,
    0x4720_0000,
    0x4800_0000,
    0x7fff_f000,
    0x8000_0000,
    0x1_0000_0000,
    0xff_ffff_f000,
    u64::MAX,
];

/// Properties that say something about memory.
const NAMES: [&str; 16] = [
    "reg",
    "size",
    "alignment",
    "alloc-ranges",
    "ranges",
    "no-map",
    "reusable",
    "status",
    "compatible",
    "device_type",
    "#address-cells",
    "#size-cells",
    "bootargs",
    "linux,cma-default",
    "linux,usable-memory-range",
    "linux,initrd-end",
];

/// Damages bytes in one to four places, as flash, memory and other programs do.
pub(super) fn scratched(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        let header = random.below(10) * 4;
        match random.below(8) {
            0 | 1 => put(&mut bytes, at, &[u8::try_from(random.below(256)).unwrap_or(0)]),
            2 => put(&mut bytes, at & !3, &random.one_of(&WORDS).to_be_bytes()),
            3 => put(&mut bytes, header, &random.one_of(&WORDS).to_be_bytes()),
            4 => put(&mut bytes, at & !3, &4_u32.to_be_bytes()),
            5 => {
                let len = random.below(64);
                bytes.iter_mut().skip(at).take(len).for_each(|byte| *byte = 0);
            }
            6 => {
                let run: Vec<u8> = bytes.iter().skip(at).take(random.below(64)).copied().collect();
                let to = random.below(bytes.len());
                put(&mut bytes, to, &run);
            }
            _ => bytes.truncate(at.max(1)),
        }
    }
    bytes
}

fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    bytes.iter_mut().skip(at).zip(new).for_each(|(byte, new)| *byte = *new);
}

/// Changes what a sound tree says about memory in one to four places. The result is sound, and wrong.
pub(super) fn twisted(dtb: &[u8], random: &mut Random) -> Vec<u8> {
    let mut blob = dtb.to_vec();
    for _ in 0..=random.below(4) {
        let changed = Tree::parse(&blob).ok().and_then(|tree| rewrite(&tree, &twist(&tree, random)).ok());
        blob = changed.unwrap_or(blob);
    }
    blob
}

fn twist(tree: &Tree<'_>, random: &mut Random) -> Edits {
    let mut edits = Edits::new();
    let is_about_memory = |path: &str| {
        ["/memory", "/reserved-memory", "/chosen", "/cpus"].iter().any(|start| path.starts_with(start))
    };
    let nodes: Vec<_> =
        tree.nodes().filter(|node| node.depth() == 0 || is_about_memory(&node.path())).collect();
    let Some(node) = nodes.get(random.below(nodes.len())) else { return edits };
    let name = random.one_of(&NAMES);
    match random.below(6) {
        0 if node.depth() > 0 => edits.remove_node(node.id()),
        1 if node.has_prop(name) => edits.remove_prop(node.id(), name),
        2 => edits.set_memreserve(vec![(edge(random), edge(random).max(1)); random.below(4)]),
        3 => {
            let base = edge(random);
            let region = NewNode::new(&format!("hostile@{base:x}")).prop("reg", tuple(base, edge(random)));
            let region = if random.below(2) == 0 { region.prop_empty("no-map") } else { region };
            let parent = tree.find("/reserved-memory").unwrap_or_else(|| tree.root());
            edits.add_node(parent.id(), region);
        }
        _ => edits.set(node.id(), name, value(random)),
    }
    edits
}

fn edge(random: &mut Random) -> u64 {
    match random.below(3) {
        0 => 0x4000_0000 + ((random.next() % 0x400) << 20),
        1 => random.next() >> random.below(64),
        _ => random.one_of(&EDGES),
    }
}

fn tuple(base: u64, size: u64) -> Vec<u8> {
    [base.to_be_bytes(), size.to_be_bytes()].concat()
}

fn value(random: &mut Random) -> Vec<u8> {
    match random.below(6) {
        0 => Vec::new(),
        1 => random.one_of(&WORDS).to_be_bytes().to_vec(),
        2 => vec![0xff; random.below(40)],
        3 => b"cma=64M@0x44000000 mem=256M crashkernel=64M\0".to_vec(),
        _ => tuple(edge(random), edge(random)),
    }
}
