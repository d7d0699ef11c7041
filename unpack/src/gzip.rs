//! gzip streams (RFC 1952).

use alloc::vec::Vec;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};
use ringfence::kernel_image::HEADER_LEN;
use ringfence::payload::Measure;

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
    Some(Measure { head, len: len(stream)? })
}

/// Unpacks as many bytes as the trailer states.
pub(crate) fn unpack(stream: &[u8], out: &mut [u8]) -> Option<usize> {
    let out = out.get_mut(..usize::try_from(len(stream)?).ok()?)?;
    (inflate(stream, out)? == Reached::End).then_some(out.len())
}

pub(crate) fn to_vec(stream: &[u8], limit: u64) -> Option<Vec<u8>> {
    let len = usize::try_from(len(stream).filter(|&len| len <= limit)?).ok()?;
    let mut out = Vec::new();
    out.try_reserve_exact(len).ok()?;
    out.resize(len, 0);
    unpack(stream, &mut out)?;
    let [crc, _] = trailer(stream)?;
    (crc32fast::hash(&out) == crc).then_some(out)
}

/// Returns the CRC-32 and the length that the trailer states.
fn trailer(stream: &[u8]) -> Option<[u32; 2]> {
    let (words, _) = stream.last_chunk::<TRAILER>()?.as_chunks();
    let [crc, len] = words else { return None };
    Some([u32::from_le_bytes(*crc), u32::from_le_bytes(*len)])
}

fn len(stream: &[u8]) -> Option<u64> {
    trailer(stream).map(|[_, len]| u64::from(len))
}

/// Where unpacking stopped.
#[derive(PartialEq, Eq)]
enum Reached {
    /// The output is full, and there is more of the stream.
    Full,
    /// The stream ends with the output.
    End,
}

/// Unpacks into `out` until it is full.
fn inflate(stream: &[u8], out: &mut [u8]) -> Option<Reached> {
    let mut state = DecompressorOxide::new();
    let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (status, _, written) = decompress(&mut state, deflated(stream)?, out, 0, flags);
    match status {
        TINFLStatus::Done if written == out.len() => Some(Reached::End),
        TINFLStatus::HasMoreOutput => Some(Reached::Full),
        _ => None,
    }
}

/// Returns what is between the header, whose length depends on its flags, and the trailer.
fn deflated(stream: &[u8]) -> Option<&[u8]> {
    let flags = *stream.get(3)?;
    let mut rest = stream.get(FIXED..stream.len().checked_sub(TRAILER)?)?;
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
