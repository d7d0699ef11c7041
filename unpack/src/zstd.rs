//! zstd frames (RFC 8878).
//!
//! The decoder wants its window in one piece. For a distribution's kernel that is larger than the stage's
//! heap, so [`work`] says how much it will be.

use alloc::vec;
use alloc::vec::Vec;
use ringfence::kernel_image::HEADER_LEN;
use ringfence::packing::Packing;
use ringfence::payload::Measure;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::io::Read;
use twox_hash::XxHash64;

/// Most bytes that a block unpacks to.
const BLOCK: u64 = 128 << 10;
/// What the decoder takes in addition to the window: two blocks, and tables.
const DECODER_OVERHEAD: u64 = 512 << 10;

/// A frame without its header.
struct Frame<'a> {
    /// Bytes of output that must be kept to go on, as the header states.
    window: u64,
    /// Bytes of all output, 0 where the header does not state them.
    len: u64,
    /// Whether the low half of an XXH64 of all output follows the blocks.
    has_checksum: bool,
    blocks: &'a [u8],
}

pub(crate) fn measure(stream: &[u8]) -> Option<Measure> {
    let frame = parse(stream)?;
    let mut head = [0; HEADER_LEN];
    let first = first_block(&frame)?;
    // What is shorter than a header is not a kernel; zeros are not one either.
    head.iter_mut().zip(&first).for_each(|(to, from)| *to = *from);
    Some(Measure { head, len: frame.len })
}

pub(crate) fn work(stream: &[u8], footprint: u64) -> u64 {
    let window = parse(stream).map_or(0, |frame| ring(&frame, footprint));
    window.saturating_add(DECODER_OVERHEAD)
}

pub(crate) fn unpack(stream: &[u8], out: &mut [u8]) -> Option<usize> {
    let frame = parse(stream)?;
    let mut written = 0;
    decode(&frame, ring(&frame, out.len() as u64), |decoder| {
        written += decoder.read(out.get_mut(written..)?).ok()?;
        // Of a frame that is longer than its place something is left.
        (decoder.can_collect() == 0).then_some(())
    })?;
    (frame.len == 0 || frame.len == written as u64).then_some(written)
}

pub(crate) fn to_vec(stream: &[u8], limit: u64) -> Option<Vec<u8>> {
    let frame = parse(stream)?;
    let mut out = Vec::new();
    let rest = decode(&frame, ring(&frame, limit), |decoder| {
        let (from, more) = (out.len(), decoder.can_collect());
        out.try_reserve(more).ok()?;
        out.resize(from + more, 0);
        let read = decoder.read(out.get_mut(from..)?).ok()?;
        (read == more && out.len() as u64 <= limit).then_some(())
    })?;
    let is_whole = frame.len == 0 || frame.len == out.len() as u64;
    let is_sound =
        !frame.has_checksum || *rest.first_chunk()? == (XxHash64::oneshot(0, &out) as u32).to_le_bytes();
    (is_whole && is_sound).then_some(out)
}

/// Returns the bytes of window that do for at most `most` bytes of output: nothing before the first is ever
/// asked for. A power of two, for which the decoder's ring never has to grow.
fn ring(frame: &Frame<'_>, most: u64) -> u64 {
    frame.window.min(most).max(2 * BLOCK).checked_next_power_of_two().unwrap_or(u64::MAX)
}

/// Unpacks block after block, each of which `collect` takes from the decoder. Returns what follows them.
fn decode<'a>(
    frame: &Frame<'a>,
    window: u64,
    mut collect: impl FnMut(&mut FrameDecoder) -> Option<()>,
) -> Option<&'a [u8]> {
    let header = header(window);
    let (mut decoder, mut blocks) = (FrameDecoder::new(), frame.blocks);
    decoder.set_max_window_size(window);
    // The first time it takes note of the window, the second time it takes all of its room at once.
    decoder.init(header.as_slice()).ok()?;
    decoder.init(header.as_slice()).ok()?;
    while !decoder.is_finished() {
        decoder.decode_blocks(&mut blocks, BlockDecodingStrategy::UptoBlocks(1)).ok()?;
        collect(&mut decoder)?;
    }
    Some(blocks)
}

/// Unpacks the first block alone, as if it were the last.
fn first_block(frame: &Frame<'_>) -> Option<Vec<u8>> {
    let (&[a, b, c], content) = frame.blocks.split_first_chunk()?;
    let len = usize::from(b) << 5 | usize::from(c) << 13 | usize::from(a) >> 3;
    // A run's length is that of what it unpacks to; it is one byte here.
    let content = content.get(..if a >> 1 & 3 == 1 { 1 } else { len })?;
    let mut alone = header(BLOCK);
    alone.extend([a | 1, b, c]);
    alone.extend(content);
    let mut out = vec![0; BLOCK as usize];
    let len = FrameDecoder::new().decode_all(&alone, &mut out).ok()?;
    out.truncate(len);
    Some(out)
}

/// Returns a frame's header that says: in one piece of as many bytes as the window has, and no checksum after
/// it.
fn header(window: u64) -> Vec<u8> {
    let mut header = Packing::Zstd.magic().to_vec();
    header.push(0xe0);
    header.extend(window.to_le_bytes());
    header
}

/// Reads a frame's header (RFC 8878, section 3.1.1.1).
fn parse(stream: &[u8]) -> Option<Frame<'_>> {
    let (&descriptor, mut rest) = stream.strip_prefix(Packing::Zstd.magic())?.split_first()?;
    let single = descriptor & 0x20 != 0;
    // A dictionary, or a bit that is reserved.
    if descriptor & 0x0b != 0 {
        return None;
    }
    let mut window = 0;
    if !single {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        window = u64::from(8 | byte & 7) << (7 + (byte >> 3));
    }
    let bytes = match descriptor >> 6 {
        0 => usize::from(single),
        1 => 2,
        2 => 4,
        _ => 8,
    };
    let (field, blocks) = rest.split_at_checked(bytes)?;
    let mut len = field.iter().rev().fold(0, |len, &byte| len << 8 | u64::from(byte));
    if bytes == 2 {
        len += 256;
    }
    let window = if single { len } else { window };
    Some(Frame { window, len, has_checksum: descriptor & 0x04 != 0, blocks })
}

#[cfg(test)]
pub(crate) fn pack(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}
