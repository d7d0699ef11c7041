//! Damages blobs, as memory, flash and other programs do.

use ringfence::fdt::Tree;

use super::Random;

/// Words that mean something to a reader, or nearly.
const WORDS: [u32; 14] =
    [0, 1, 2, 3, 4, 9, 5, 0x7f, 0xff, 0x8000_0000, 0x7fff_ffff, 0xffff_fffc, 0xffff_ffff, 0xd00d_feed];

/// Damages a copy of a blob in one to four places, chosen by the seed.
pub fn damage(blob: &[u8], seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut bytes = blob.to_vec();
    for _ in 0..1 + random.below(4) {
        let at = random.below(bytes.len());
        let word = at & !3;
        let header = random.below(10) * 4;
        match random.below(10) {
            0 => flip(&mut bytes, at, 1 << random.below(8)),
            1 => flip(&mut bytes, at, 0xff),
            2 => put(&mut bytes, word, WORDS[random.below(WORDS.len())]),
            3 => put(&mut bytes, header, WORDS[random.below(WORDS.len())]),
            // A field of the header that is nearly right.
            4 => {
                let old = bytes
                    .get(header..header + 4)
                    .map_or(0, |word| word.iter().fold(0, |value: u32, byte| value << 8 | u32::from(*byte)));
                put(&mut bytes, header, old.wrapping_add(random.below(33) as u32).wrapping_sub(16));
            }
            5 => bytes.truncate(at),
            // A run of bytes from elsewhere.
            6 => {
                let from = random.below(bytes.len());
                let len = random.below(64).min(bytes.len() - from.max(at));
                bytes.copy_within(from..from + len, at);
            }
            7 => {
                let end = (at + random.below(64)).min(bytes.len());
                bytes[at..end].fill(0);
            }
            8 => put(&mut bytes, word, 4),
            _ => bytes = nop_out(&bytes, &mut random),
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

/// Overwrites one property with NOPs, as libfdt's `fdt_nop_property` does: the blob stays valid.
pub fn nop_out(blob: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = blob.to_vec();
    let Ok(tree) = Tree::parse(blob) else { return bytes };
    let chosen = tree.nodes().nth(random.below(tree.nodes().count()));
    if let Some(node) = chosen
        && let Some(prop) = node.props().nth(random.below(node.props().count()))
        && let Some(value) = node.value_offset(prop.name)
    {
        let len = node.prop(prop.name).map_or(0, |prop| prop.value.len().next_multiple_of(4));
        (value - 12..value + len).step_by(4).for_each(|at| put(&mut bytes, at, 4));
    }
    bytes
}

fn flip(bytes: &mut [u8], at: usize, mask: u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= mask;
    }
}

fn put(bytes: &mut [u8], at: usize, word: u32) {
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&word.to_be_bytes());
    }
}
