//! A device tree after a packed kernel (`Image.gz-dtb`), drawn from the bytes: it is found where it was put,
//! and everything else is refused for its reason, also after a stream that is damaged.
#![no_main]

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use ringfence::fdt::{NewNode, Tree, build};
use ringfence::packing::{Packing, Stream};
use ringfence_unpack::{AppendedTreeError, end, tree_after};

/// Bytes of a gzip stream's last field, the length of what it holds (RFC 1952).
const LENGTH: usize = 4;
/// Largest tree that a kernel reads, in bytes (Documentation/arch/arm64/booting.rst).
const LARGEST: u32 = 2 << 20;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let bytes = &mut Unstructured::new(bytes);
    let Ok(kernel) = Kernel::draw(bytes) else { return };
    let Ok(after) = after(bytes) else { return };
    kernel.check(&after);
    if let Ok((at, bits)) = bytes.arbitrary::<(u32, u8)>() {
        kernel.check_damaged(&after, at as usize, bits);
    }
});

/// A packed kernel.
struct Kernel {
    packing: Packing,
    packed: Vec<u8>,
    /// Where the compressed bytes begin.
    body: usize,
}

impl Kernel {
    fn draw(bytes: &mut Unstructured<'_>) -> Result<Self> {
        let packing =
            *bytes.choose(&[Packing::Gzip, Packing::Gzip, Packing::Gzip, Packing::Lzma, Packing::Zstd])?;
        if packing != Packing::Gzip {
            return Ok(Self { packing, packed: packing.magic().to_vec(), body: 0 });
        }
        // Parts that repeat a few bytes, or follow a pattern that hardly packs.
        let mut kernel = Vec::new();
        for _ in 0..bytes.int_in_range(0..=4)? {
            let (len, start, step): (u16, u8, u8) = bytes.arbitrary()?;
            // Few are longer than the window of 32 KiB: they take long.
            let len = u32::from(len >> bytes.int_in_range(0..=15)?);
            kernel.extend((0..len).map(|n| start.wrapping_add((n * u32::from(step) >> 3) as u8)));
        }
        // The fields that RFC 1952 lets precede the stream: FHCRC, FEXTRA, FNAME, FCOMMENT.
        let flags = bytes.int_in_range(0..=15)? << 1;
        let mut packed = [Packing::Gzip.magic(), &[flags, 0, 0, 0, 0, 0, 3]].concat();
        if flags & 4 != 0 {
            let extra = bytes.int_in_range(0..=40_u8)?;
            packed.extend([extra, 0]);
            packed.resize(packed.len() + usize::from(extra), 0x5a);
        }
        for _ in 0..(flags >> 3 & 1) + (flags >> 4 & 1) {
            packed.extend(b"Image\0");
        }
        if flags & 2 != 0 {
            let sum = crc32fast::hash(&packed);
            packed.extend(&sum.to_le_bytes()[..2]);
        }
        let body = packed.len();
        packed.extend(miniz_oxide::deflate::compress_to_vec(&kernel, bytes.int_in_range(0..=9)?));
        packed.extend(crc32fast::hash(&kernel).to_le_bytes());
        packed.extend((kernel.len() as u32).to_le_bytes());
        Ok(Self { packing, packed, body })
    }

    fn file(&self, after: &[Piece]) -> Vec<u8> {
        let mut file = self.packed.clone();
        after.iter().for_each(|piece| file.extend(&piece.0));
        file
    }

    /// Checks what is found of a file that is as it was made.
    fn check(&self, after: &[Piece]) {
        let file = self.file(after);
        let stream = Stream { packing: self.packing, bytes: &file };
        let found = tree_after(stream);
        if self.packing != Packing::Gzip {
            assert_eq!(found, Err(AppendedTreeError::NotGzip));
            return;
        }
        assert_eq!(end(stream), Ok(self.packed.len()), "the stream ends where it was packed to");
        assert_eq!(found, expected(&file, self.packed.len()));
        if let Ok((_, tree)) = found {
            let _ = Tree::parse(tree);
        }
    }

    /// Checks what is found where one byte of the stream is wrong: where the length of the kernel is, always
    /// damage; elsewhere the stream may end at another place, and what follows that is read the same.
    fn check_damaged(&self, after: &[Piece], at: usize, bits: u8) {
        let at = at % self.packed.len();
        if bits == 0 || at < self.body || self.packing != Packing::Gzip {
            return;
        }
        let mut file = self.file(after);
        file[at] ^= bits;
        let stream = Stream { packing: self.packing, bytes: &file };
        match end(stream) {
            Ok(end) => {
                assert!(end <= file.len() && at < self.packed.len() - LENGTH, "the length is not read");
                assert_eq!(tree_after(stream), expected(&file, end));
            }
            Err(damaged) => assert_eq!(tree_after(stream), Err(damaged)),
        }
    }
}

/// Bytes after a kernel.
struct Piece(Vec<u8>);

fn after(bytes: &mut Unstructured<'_>) -> Result<Vec<Piece>> {
    (0..bytes.int_in_range(0..=4)?).map(|_| piece(bytes)).collect()
}

fn piece(bytes: &mut Unstructured<'_>) -> Result<Piece> {
    let tree = |name: &str| build(&NewNode::new("").prop_str("model", name), 0, &[]).expect("it is small");
    Ok(Piece(match bytes.int_in_range(0..=7)? {
        0..=2 => tree("board"),
        3 => vec![0; usize::from(bytes.arbitrary::<u8>()?)],
        4 => {
            let mut cut = tree("cut");
            cut.truncate(usize::from(bytes.arbitrary::<u8>()?));
            cut
        }
        5 => {
            // Of another length than it states.
            let mut tree = tree("stated");
            tree[4..8].copy_from_slice(&bytes.arbitrary::<u32>()?.to_be_bytes());
            tree
        }
        6 => {
            // With zeros after its last block, which its length includes.
            let mut tree = tree("padded");
            tree.resize(tree.len() + usize::from(bytes.arbitrary::<u8>()?), 0);
            let len = tree.len() as u32;
            tree[4..8].copy_from_slice(&len.to_be_bytes());
            tree
        }
        _ => {
            let len = usize::from(bytes.int_in_range(0..=32_u8)?);
            bytes.bytes(len.min(bytes.len()))?.to_vec()
        }
    }))
}

/// Returns what is to be found after the first `from` bytes of a file, read as simply as can be.
fn expected(file: &[u8], from: usize) -> std::result::Result<(usize, &[u8]), AppendedTreeError> {
    let header = |at: usize| -> Option<u32> {
        let stated = u32::from_be_bytes(file.get(at + 4..at + 8)?.try_into().ok()?);
        (file[at..at + 4] == [0xd0, 0x0d, 0xfe, 0xed] && stated >= 8).then_some(stated)
    };
    let next = |from: usize| (from..file.len()).find(|&at| file[at] != 0);
    let at = next(from).ok_or(AppendedTreeError::Nothing)?;
    let stated = header(at).ok_or(AppendedTreeError::NotATree)?;
    let (len, present) = (stated as usize, file.len() - at);
    match () {
        () if stated > LARGEST => Err(AppendedTreeError::TooLarge(len)),
        () if len > present => Err(AppendedTreeError::CutShort { stated: len, present }),
        () => match next(at + len) {
            None => Ok((at, &file[at..at + len])),
            Some(other) if header(other).is_some() => Err(AppendedTreeError::Several),
            Some(_) => Err(AppendedTreeError::Trailing),
        },
    }
}
