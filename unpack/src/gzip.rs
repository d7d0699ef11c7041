//! gzip streams (RFC 1952).

use alloc::vec::Vec;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};
use ringfence::kernel_image::{HEADER_LEN, Header};
use ringfence::payload::{MAX_KERNEL, Measure};

/// Bytes of the fixed header and of the trailer (CRC-32, length).
const FIXED: usize = 10;
const TRAILER: usize = 8;
const HAS_CRC: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;

pub(crate) fn measure(stream: &[u8]) -> Option<Measure> {
    let mut head = [0; HEADER_LEN];
    inflate(stream, &mut head)?;
    // What follows the stream, padding or a device tree, takes the place of its trailer: then the length is
    // not known before all of it is unpacked, and the kernel's own header must do.
    let stated = last_len(stream)?;
    let declared = Header::parse(&head).ok().and_then(|header| header.declared_size());
    let len = if declared.is_some_and(|declared| stated > declared) { 0 } else { stated };
    Some(Measure { head, len })
}

/// Unpacks the stream, which ends where it ends: `out` may be longer, and bytes may follow the stream. Of the
/// trailer the length is compared; [`end`] says why the CRC-32 is not.
pub(crate) fn unpack(stream: &[u8], out: &mut [u8]) -> Option<usize> {
    match inflate(stream, out)? {
        Reached::End { len, trailer: [_, stated] } => (stated == len as u32).then_some(len),
        Reached::Full => None,
    }
}

pub(crate) fn to_vec(stream: &[u8], limit: u64) -> Option<Vec<u8>> {
    let limit = usize::try_from(limit).ok()?;
    let mut room = usize::try_from(last_len(stream)?).ok()?.min(limit);
    let mut out = Vec::new();
    loop {
        out.try_reserve_exact(room.checked_sub(out.len())?).ok()?;
        out.resize(room, 0);
        match inflate(stream, &mut out)? {
            Reached::End { len, trailer: [crc, stated] } => {
                out.truncate(len);
                return (stated == len as u32 && crc32fast::hash(&out) == crc).then_some(out);
            }
            // Bytes follow the stream, and its length is not the last of them.
            Reached::Full if room < limit => room = (room.max(stream.len()).saturating_mul(2)).min(limit),
            Reached::Full => return None,
        }
    }
}

/// Bytes of output that a stream refers back to (RFC 1951), a power of two as the window has to be.
const WINDOW: usize = 32 << 10;

/// Returns the offset at which the stream ends. What it holds is not kept.
///
/// The trailer's length is compared, its CRC-32 is not: damage that leaves the length as it is does not move
/// the end, and the content is not used here. Of what is used, [`to_vec`] compares the CRC-32. [`unpack`]
/// does not, like all that would boot the kernel without the stage: U-Boot's `gunzip` (lib/gunzip.c) and
/// Linux (lib/decompress_inflate.c, 6.12, of which an EFI zboot image has a copy) inflate up to the last
/// block and pass over the trailer. A bundle has a hash of its kernel.
pub(crate) fn end(stream: &[u8]) -> Option<usize> {
    let mut state = DecompressorOxide::new();
    let mut window = Vec::new();
    window.try_reserve_exact(WINDOW).ok()?;
    window.resize(WINDOW, 0);
    let deflated = deflated(stream)?;
    let (mut from, mut at, mut total) = (0, 0, 0_u64);
    loop {
        let (status, read, len) = decompress(&mut state, deflated.get(from..)?, &mut window, at, 0);
        from += read;
        total += len as u64;
        match status {
            TINFLStatus::Done => {
                let [_, stated] = numbers(deflated.get(from..)?.first_chunk()?);
                let header = stream.len() - deflated.len();
                return (stated == total as u32).then_some(header + from + TRAILER);
            }
            // The window is full, and is written from its start again.
            TINFLStatus::HasMoreOutput if total <= MAX_KERNEL => at = (at + len) % WINDOW,
            _ => return None,
        }
    }
}

/// Returns the CRC-32 and the length that 8 bytes state.
fn numbers(trailer: &[u8; TRAILER]) -> [u32; 2] {
    let (words, _) = trailer.as_chunks();
    let word = |index: usize| words.get(index).map_or(0, |word| u32::from_le_bytes(*word));
    [word(0), word(1)]
}

/// Returns the length that the last bytes state, if nothing follows the stream.
fn last_len(stream: &[u8]) -> Option<u64> {
    let [_, len] = numbers(stream.last_chunk()?);
    Some(u64::from(len))
}

/// Where unpacking stopped.
enum Reached {
    /// The output is full, and there is more of the stream.
    Full,
    /// The stream ended after `len` bytes of output.
    End { len: usize, trailer: [u32; 2] },
}

/// Unpacks into `out` until it is full, or the stream ends.
fn inflate(stream: &[u8], out: &mut [u8]) -> Option<Reached> {
    let mut state = DecompressorOxide::new();
    let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let deflated = deflated(stream)?;
    let (status, read, len) = decompress(&mut state, deflated, out, 0, flags);
    match status {
        TINFLStatus::Done => {
            let trailer = numbers(deflated.get(read..)?.first_chunk()?);
            Some(Reached::End { len, trailer })
        }
        TINFLStatus::HasMoreOutput => Some(Reached::Full),
        _ => None,
    }
}

/// Returns what follows the header, whose length depends on its flags.
fn deflated(stream: &[u8]) -> Option<&[u8]> {
    let flags = *stream.get(3)?;
    let mut rest = stream.get(FIXED..)?;
    if flags & HAS_EXTRA != 0 {
        let (len, after) = rest.split_first_chunk::<2>()?;
        rest = after.get(usize::from(u16::from_le_bytes(*len))..)?;
    }
    for text in [HAS_NAME, HAS_COMMENT] {
        if flags & text != 0 {
            let end = rest.iter().position(|&byte| byte == 0)?;
            rest = rest.get(end + 1..)?;
        }
    }
    rest.get(if flags & HAS_CRC != 0 { 2 } else { 0 }..)
}

#[cfg(test)]
pub(crate) fn pack(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}
