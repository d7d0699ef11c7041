//! A kernel in a zstd frame (RFC 8878).
//!
//! The decoder wants its window in one piece, which for a distribution's kernel is larger than the whole heap. So the
//! kernel asks the ledger for more than its own bytes, and the heap borrows what is behind them while it is unpacked.

use super::packed::MAX;
use crate::machine::heap;
use alloc::vec;
use alloc::vec::Vec;
use ringfence::kernel_image::Header;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::io::Read;

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Most bytes that a block unpacks to.
const BLOCK: u64 = 128 << 10;
/// What the decoder takes besides the window: two blocks, and tables.
const DECODER_OVERHEAD: u64 = 512 << 10;

/// A frame without its header.
struct Frame {
    /// Bytes of output that must be kept to go on, as the header says.
    window: u64,
    /// Bytes of all output, 0 where the header does not say.
    len: u64,
    blocks: &'static [u8],
}

pub(super) fn is(stream: &[u8]) -> bool {
    stream.starts_with(&MAGIC)
}

/// Read the kernel's header, the bytes that it takes, and those that unpacking takes.
pub(super) fn measure(stream: &'static [u8], name: &str) -> (Header, u64, u64) {
    let frame = parse(stream).filter(|frame| frame.len <= MAX);
    let first = frame.as_ref().and_then(first_block);
    let (Some(frame), Some(first)) = (frame, first) else {
        halt!(
            "{name}: the zstd frame is damaged, wants a dictionary, or holds more than 512 MiB; make it anew"
        );
    };
    let header = Header::parse(&first).unwrap_or_else(|why| halt!("{name}: no kernel in the frame: {why}"));
    let footprint = header.footprint(frame.len);
    (header, footprint, ring(&frame, footprint).saturating_add(DECODER_OVERHEAD))
}

/// Unpack into `out`, with `work` for the decoder; returns how many bytes the kernel has.
pub(super) fn unpack(stream: &'static [u8], out: &mut [u8], work: &'static mut [u8]) -> Option<usize> {
    let frame = parse(stream)?;
    let window = ring(&frame, out.len() as u64);
    heap::lend(work);
    let written = decode(&frame, window, out);
    heap::take_back();
    written
}

/// Bytes of window that do for a kernel of at most `most` bytes: what lies further back than its first is never asked
/// for. A power of two, for which the decoder's ring never has to grow.
fn ring(frame: &Frame, most: u64) -> u64 {
    frame.window.min(most).max(2 * BLOCK).checked_next_power_of_two().unwrap_or(u64::MAX)
}

fn decode(frame: &Frame, window: u64, out: &mut [u8]) -> Option<usize> {
    let header = header(window);
    let (mut decoder, mut blocks, mut written) = (FrameDecoder::new(), frame.blocks, 0);
    decoder.set_max_window_size(window);
    // The first time it takes note of the window, the second time it takes all of its room at once.
    decoder.init(header.as_slice()).ok()?;
    decoder.init(header.as_slice()).ok()?;
    while !decoder.is_finished() {
        decoder.decode_blocks(&mut blocks, BlockDecodingStrategy::UptoBlocks(1)).ok()?;
        written += decoder.read(out.get_mut(written..)?).ok()?;
        // There is more than the place has room for.
        if decoder.can_collect() > 0 {
            return None;
        }
    }
    (frame.len == 0 || frame.len == written as u64).then_some(written)
}

/// Unpack the first block alone, as if it were the last.
fn first_block(frame: &Frame) -> Option<Vec<u8>> {
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

/// A frame's header that says: in one piece of as many bytes as the window has, and no checksum behind it.
fn header(window: u64) -> Vec<u8> {
    let mut header = MAGIC.to_vec();
    header.push(0xe0);
    header.extend(window.to_le_bytes());
    header
}

/// Read a frame's header (RFC 8878, section 3.1.1.1).
fn parse(stream: &'static [u8]) -> Option<Frame> {
    let (&descriptor, mut rest) = stream.strip_prefix(&MAGIC)?.split_first()?;
    let single = descriptor & 0x20 != 0;
    // A dictionary, or what was not thought of yet.
    if descriptor & 0x0b != 0 {
        return None;
    }
    let mut window = 0;
    if !single {
        let (&byte, behind) = rest.split_first()?;
        rest = behind;
        window = u64::from(8 | byte & 7) << (7 + (byte >> 3));
    }
    let bytes = [usize::from(single), 2, 4, 8][usize::from(descriptor >> 6)];
    let (field, blocks) = rest.split_at_checked(bytes)?;
    let mut len = field.iter().rev().fold(0, |len, &byte| len << 8 | u64::from(byte));
    if bytes == 2 {
        len += 256;
    }
    Some(Frame { window: if single { len } else { window }, len, blocks })
}
