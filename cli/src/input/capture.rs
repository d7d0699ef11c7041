//! Reads what was captured of a boot: text in whatever form a terminal or a logger has left it.

use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::failure::Failure;
use crate::input;

/// Most bytes of a packed log, in bytes of text.
const MAX_TEXT: u64 = 256 << 20;

/// Reads a log: packed with gzip as rotated logs are, in UTF-16 as some terminals write it, or plain. Bytes
/// that are not text are replaced, since logs come from serial lines.
///
/// # Errors
/// When it cannot be read, or is empty.
pub fn read(path: &Path) -> Result<String, Failure> {
    let mut bytes = input::read_any(path)?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut text = Vec::new();
        let unpacked = MultiGzDecoder::new(bytes.as_slice()).take(MAX_TEXT).read_to_end(&mut text);
        unpacked.map_err(|error| Failure::of(path, format!("cannot unpack it: {error}")))?;
        bytes = text;
    }
    if bytes.is_empty() {
        return Err(Failure::of(path, "the file is empty"));
    }
    let wide = |unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| unit(pair.try_into().unwrap_or_default()));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    Ok(match bytes.as_slice() {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        _ => String::from_utf8_lossy(&bytes).into_owned(),
    })
}
