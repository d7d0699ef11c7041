//! The device tree after a packed kernel (`Image.gz-dtb`, which Android's builds make with `cat`): for boards
//! whose loader passes none.

use crate::gzip;
use core::fmt;
use ringfence::fdt::{MAX_BOOT_SIZE, stated_len};
use ringfence::packing::{Packing, Stream};

/// Why no device tree after a kernel can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendedTreeError {
    /// The kernel is not a gzip stream: of other forms it is not known where they end.
    NotGzip,
    /// The stream is damaged.
    Damaged,
    /// Nothing but zeros follows.
    Nothing,
    /// Something else follows.
    NotATree,
    /// The file ends before the tree does.
    CutShort {
        /// Size that the tree's header states, in bytes.
        stated: usize,
        /// Bytes that are there.
        present: usize,
    },
    /// No arm64 kernel reads a tree of so many bytes.
    TooLarge(usize),
    /// Several follow. A loader chooses by numbers that only it knows.
    Several,
    /// Other bytes than zeros follow the tree.
    Trailing,
}

impl fmt::Display for AppendedTreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGzip => f.write_str("the kernel is not a gzip stream, after which a tree could be"),
            Self::Damaged => f.write_str("the gzip stream of the kernel is damaged"),
            Self::Nothing => f.write_str("no device tree follows the gzip stream of the kernel"),
            Self::NotATree => f.write_str("what follows the gzip stream of the kernel is not a device tree"),
            Self::CutShort { stated, present } => {
                write!(f, "the tree after the kernel has {stated} bytes, of which {present} are there")
            }
            Self::TooLarge(len) => {
                write!(f, "the tree after the kernel has {len} bytes, and Linux reads at most 2 MiB")
            }
            Self::Several => f.write_str(
                "several trees follow the kernel, and only a loader knows which of them is the board's",
            ),
            Self::Trailing => f.write_str("bytes of an unknown kind follow the tree after the kernel"),
        }
    }
}

impl core::error::Error for AppendedTreeError {}

/// Returns the offset in a gzip stream's bytes at which it ends.
///
/// # Errors
/// [`AppendedTreeError::NotGzip`] and [`AppendedTreeError::Damaged`], also when it holds more than
/// [`MAX_KERNEL`](ringfence::payload::MAX_KERNEL).
pub fn end(stream: Stream<'_>) -> Result<usize, AppendedTreeError> {
    match stream.packing {
        Packing::Gzip => gzip::end(stream.bytes).ok_or(AppendedTreeError::Damaged),
        Packing::Lzma | Packing::Zstd => Err(AppendedTreeError::NotGzip),
    }
}

/// Returns the one device tree after the kernel in `stream`, and the offset in its bytes at which it is.
/// Whether the tree is sound is not checked.
///
/// # Errors
/// Any [`AppendedTreeError`].
pub fn tree_after(stream: Stream<'_>) -> Result<(usize, &[u8]), AppendedTreeError> {
    let rest = |from: usize| stream.bytes.get(from..).unwrap_or_default();
    let skip = |from: usize| rest(from).iter().position(|&byte| byte != 0).map(|zeros| from + zeros);
    let start = skip(end(stream)?).ok_or(AppendedTreeError::Nothing)?;
    let stated = stated_len(rest(start)).ok_or(AppendedTreeError::NotATree)?;
    if stated > MAX_BOOT_SIZE {
        return Err(AppendedTreeError::TooLarge(stated));
    }
    let present = rest(start).len();
    let tree = rest(start).get(..stated).ok_or(AppendedTreeError::CutShort { stated, present })?;
    match skip(start + stated).map(rest) {
        None => Ok((start, tree)),
        Some(other) if stated_len(other).is_some() => Err(AppendedTreeError::Several),
        Some(_) => Err(AppendedTreeError::Trailing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;
    use ringfence::fdt::{NewNode, build};

    /// Longer than the window, and not a multiple of it.
    fn kernel() -> Vec<u8> {
        (0..50_000_u32).flat_map(|n| n.wrapping_mul(0x9e37_79b9).to_be_bytes()).collect()
    }

    fn tree() -> Vec<u8> {
        build(&NewNode::new("").prop_str("compatible", "vendor,board"), 0, &[]).unwrap()
    }

    fn after(kernel: &[u8], rest: &[&[u8]]) -> Result<(usize, Vec<u8>), AppendedTreeError> {
        let bytes = [kernel, &rest.concat()].concat();
        let found = tree_after(Stream { packing: Packing::Gzip, bytes: &bytes });
        found.map(|(at, tree)| (at, tree.to_vec()))
    }

    #[test]
    fn the_tree_is_found_where_the_stream_ends() {
        let (packed, tree) = (gzip::pack(&kernel()), tree());
        let len = packed.len();
        assert_eq!(end(Stream { packing: Packing::Gzip, bytes: &packed }), Ok(len));
        assert_eq!(after(&packed, &[&tree]), Ok((len, tree.clone())));
        assert_eq!(after(&packed, &[&[0; 5], &tree, &[0; 4096]]), Ok((len + 5, tree.clone())));
        // A name and a comment precede the stream, as `gzip` writes a name.
        let mut named = packed[..10].to_vec();
        named[3] = 0b1_1000;
        let named = [&named[..], b"Image\0built here\0", &packed[10..]].concat();
        assert_eq!(after(&named, &[&tree]), Ok((named.len(), tree)));
    }

    /// This is why the CRC-32 need not be compared to find the tree.
    #[test]
    fn no_flipped_bit_moves_the_end() {
        let text: Vec<u8> = (0..600_u32).flat_map(|n| (n * n / 7).to_be_bytes()).collect();
        let (packed, tree) = (gzip::pack(&text), tree());
        let (mut bytes, len) = ([&packed[..], &tree].concat(), packed.len());
        let mut unnoticed = 0;
        // The header's flags say what follows it.
        for bit in 10 * 8..len * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(found) = end(Stream { packing: Packing::Gzip, bytes: &bytes }) {
                assert_eq!(found, len, "bit {bit}");
                unnoticed += 1;
            }
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        // The 32 of the CRC-32, and literals.
        assert!(unnoticed > 32 && unnoticed < len * 8, "{unnoticed} of {}", len * 8);
    }

    #[test]
    fn what_is_not_one_tree_is_refused_with_the_reason() {
        let (packed, tree) = (gzip::pack(&kernel()), tree());
        let refused = |rest: &[&[u8]]| after(&packed, rest).unwrap_err();
        assert_eq!(refused(&[]), AppendedTreeError::Nothing);
        assert_eq!(refused(&[&[0; 4096]]), AppendedTreeError::Nothing);
        assert_eq!(refused(&[b"ANDROID!"]), AppendedTreeError::NotATree);
        assert_eq!(refused(&[&tree[..7]]), AppendedTreeError::NotATree);
        assert_eq!(refused(&[&[0xd0, 0x0d, 0xfe, 0xed, 0, 0, 0, 7]]), AppendedTreeError::NotATree);
        let (stated, present) = (tree.len(), tree.len() - 1);
        assert_eq!(refused(&[&tree[..present]]), AppendedTreeError::CutShort { stated, present });
        assert_eq!(refused(&[&tree, &tree]), AppendedTreeError::Several);
        assert_eq!(refused(&[&tree, &[0; 16], &tree[..12]]), AppendedTreeError::Several);
        assert_eq!(refused(&[&tree, b"\0signature"]), AppendedTreeError::Trailing);
        let mut large = tree.clone();
        large[4..8].copy_from_slice(&0x20_0001_u32.to_be_bytes());
        assert_eq!(refused(&[&large]), AppendedTreeError::TooLarge(0x20_0001));
        large[4..8].copy_from_slice(&0x20_0000_u32.to_be_bytes());
        assert!(matches!(refused(&[&large]), AppendedTreeError::CutShort { stated: 0x20_0000, .. }));
    }

    #[test]
    fn a_kernel_that_is_damaged_or_packed_otherwise_is_refused() {
        let packed = gzip::pack(&kernel());
        let mut wrong = packed.clone();
        *wrong.last_mut().unwrap() ^= 1;
        for damaged in [&packed[..packed.len() - 1], &packed[..packed.len() / 2], &packed[..3], &wrong] {
            let found = tree_after(Stream { packing: Packing::Gzip, bytes: damaged });
            assert_eq!(found, Err(AppendedTreeError::Damaged));
        }
        let zstd = Stream { packing: Packing::Zstd, bytes: Packing::Zstd.magic() };
        assert_eq!(tree_after(zstd), Err(AppendedTreeError::NotGzip));
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(bytes: Vec<u8>, at: usize, value: u8, kernel: Vec<u8>) {
            let mut all = [gzip::pack(&kernel), tree(), bytes, vec![0; 3]].concat();
            let at = at % all.len();
            all[at] = value;
            if let Ok((at, tree)) = tree_after(Stream { packing: Packing::Gzip, bytes: &all }) {
                prop_assert_eq!(stated_len(&all[at..]), Some(tree.len()));
            }
        }
    }
}
