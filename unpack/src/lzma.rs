//! LZMA streams with the header of `lzma` and of `xz --format=lzma`, as in kernels of routers.
//!
//! The header has 13 bytes: how literals are coded, the window in bytes, and the length, all bits set where
//! it is not stated (doc/lzma-file-format.txt of XZ Utils). The stream has no checksum.

use alloc::vec::Vec;
use lzma_rust2::{LzmaReader, Read};
use ringfence::kernel_image::HEADER_LEN;
use ringfence::packing::Packing;
use ringfence::payload::Measure;

/// What the decoder takes in addition to the window, which grows by doubling, in bytes.
const DECODER_OVERHEAD: u64 = 128 << 10;
/// Bytes that are unpacked at a time.
const PIECE: usize = 64 << 10;

/// A stream without its header.
struct Packed<'a> {
    /// The byte that says how literals are coded.
    properties: u8,
    /// Bytes of output that must be kept to go on, as the header states.
    window: u32,
    /// Bytes of all output, [`u64::MAX`] where the header does not state them.
    len: u64,
    coded: &'a [u8],
}

pub(crate) fn measure(stream: &[u8]) -> Option<Measure> {
    let packed = parse(stream)?;
    let mut head = [0; HEADER_LEN];
    packed.reader(HEADER_LEN as u64)?.read_exact(&mut head).ok()?;
    Some(Measure { head, len: if packed.len == u64::MAX { 0 } else { packed.len } })
}

pub(crate) fn work(stream: &[u8], footprint: u64) -> u64 {
    let window = parse(stream).map_or(0, |packed| u64::from(packed.window_for(footprint)));
    2 * window + DECODER_OVERHEAD
}

pub(crate) fn unpack(stream: &[u8], out: &mut [u8]) -> Option<usize> {
    let packed = parse(stream)?;
    let mut reader = packed.reader(out.len() as u64)?;
    let mut written = 0;
    while let Some(rest) = out.get_mut(written..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest).ok()? {
            0 => return packed.is_whole(written),
            more => written += more,
        }
    }
    // Of a stream that is longer than its place something is left.
    (reader.read(&mut [0]).ok()? == 0).then_some(written).and_then(|written| packed.is_whole(written))
}

pub(crate) fn to_vec(stream: &[u8], limit: u64) -> Option<Vec<u8>> {
    let packed = parse(stream)?;
    let mut reader = packed.reader(limit)?;
    let mut out = Vec::new();
    loop {
        let from = out.len();
        out.try_reserve(PIECE).ok()?;
        out.resize(from + PIECE, 0);
        let read = reader.read(out.get_mut(from..)?).ok()?;
        out.truncate(from + read);
        if out.len() as u64 > limit {
            return None;
        }
        if read == 0 {
            return packed.is_whole(from).map(|_| out);
        }
    }
}

impl Packed<'_> {
    /// Returns the window that does for at most `most` bytes of output: nothing before the first is ever
    /// asked for.
    fn window_for(&self, most: u64) -> u32 {
        self.window.min(u32::try_from(most).unwrap_or(u32::MAX)).next_multiple_of(16)
    }

    fn reader(&self, most: u64) -> Option<LzmaReader<&[u8]>> {
        let window = self.window_for(most);
        LzmaReader::new_with_props(self.coded, self.len, self.properties, window, None).ok()
    }

    /// Returns `written` when it is all that the header states.
    fn is_whole(&self, written: usize) -> Option<usize> {
        (self.len == u64::MAX || self.len == written as u64).then_some(written)
    }
}

fn parse(stream: &[u8]) -> Option<Packed<'_>> {
    let (&properties, rest) = stream.split_first()?;
    let (window, rest) = rest.split_first_chunk()?;
    let (len, coded) = rest.split_first_chunk()?;
    let window = u32::from_le_bytes(*window);
    // The reference decoder takes no larger one.
    let is_sound = stream.starts_with(Packing::Lzma.magic()) && window <= 0xffff_fff0;
    is_sound.then_some(Packed { properties, window, len: u64::from_le_bytes(*len), coded })
}

/// Packs as `xz --format=lzma` does, or with the length stated.
#[cfg(test)]
pub(crate) fn pack_with(bytes: &[u8], len: Option<u64>) -> Vec<u8> {
    use lzma_rust2::{LzmaOptions, LzmaWriter, Write};
    let mut packer = LzmaWriter::new_use_header(Vec::new(), &LzmaOptions::with_preset(1), len).unwrap();
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[cfg(test)]
pub(crate) fn pack(bytes: &[u8]) -> Vec<u8> {
    pack_with(bytes, None)
}
