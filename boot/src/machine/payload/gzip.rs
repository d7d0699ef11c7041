//! A kernel in a gzip stream (RFC 1952).

use super::packed::MAX;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};
use ringfence::kernel_image::{HEADER_LEN, Header};

const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// Bytes of the fixed header and of the trailer (CRC-32, length).
const FIXED: usize = 10;
const TRAILER: usize = 8;
const HAS_CRC: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;

pub(super) fn is(stream: &[u8]) -> bool {
    stream.starts_with(&MAGIC)
}

/// Read the kernel's header and the unpacked length in bytes.
pub(super) fn measure(stream: &'static [u8], name: &str) -> (Header, u64) {
    let mut head = [0; HEADER_LEN];
    let len = len(stream);
    if deflated(stream).is_none() || inflate(stream, &mut head).is_err() || len > MAX {
        halt!("{name}: the gzip stream is damaged, or holds more than 512 MiB; make it anew");
    }
    let header = Header::parse(&head).unwrap_or_else(|why| halt!("{name}: no kernel in the stream: {why}"));
    (header, len)
}

/// Unpack into the front of `out`; returns how many bytes the kernel has, which are those that the trailer says.
pub(super) fn unpack(stream: &[u8], out: &mut [u8]) -> Option<usize> {
    let out = out.get_mut(..usize::try_from(len(stream)).ok()?)?;
    (inflate(stream, out) == Ok(true)).then_some(out.len())
}

fn len(stream: &[u8]) -> u64 {
    stream.last_chunk().map_or(0, |&word| u64::from(u32::from_le_bytes(word)))
}

/// Unpack into `out` until it is full; tells whether the stream ends there, too.
fn inflate(stream: &[u8], out: &mut [u8]) -> Result<bool, ()> {
    let mut state = DecompressorOxide::new();
    let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (status, _, written) = decompress(&mut state, deflated(stream).ok_or(())?, out, 0, flags);
    match status {
        TINFLStatus::Done if written == out.len() => Ok(true),
        TINFLStatus::HasMoreOutput => Ok(false),
        _ => Err(()),
    }
}

/// What lies between the header, whose length depends on its flags, and the trailer.
fn deflated(stream: &[u8]) -> Option<&[u8]> {
    let flags = *stream.get(3)?;
    let mut rest = stream.get(FIXED..stream.len().checked_sub(TRAILER)?)?;
    if flags & HAS_EXTRA != 0 {
        let (len, behind) = rest.split_first_chunk::<2>()?;
        rest = behind.get(usize::from(u16::from_le_bytes(*len))..)?;
    }
    for text in [HAS_NAME, HAS_COMMENT] {
        if flags & text != 0 {
            let end = rest.iter().position(|&byte| byte == 0)?;
            rest = rest.get(end + 1..)?;
        }
    }
    rest.get(if flags & HAS_CRC != 0 { 2 } else { 0 }..)
}
