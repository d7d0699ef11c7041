//! Reads what was captured of a boot: text in whatever form a terminal or a logger has left it.

use std::path::Path;

use super::{files, magic, unpacked};
use crate::failure::Failure;

/// Reads a text: packed with gzip, lzma or zstd as rotated logs are, in UTF-16 as some terminals write it, or
/// plain. Bytes that are not text are replaced, since logs come from serial lines.
///
/// # Errors
/// When it cannot be read, is empty, too long, or is not text.
pub fn read(path: &Path) -> Result<String, Failure> {
    read_or(path, "cut the lines of one boot out of it")
}

/// As [`read`], with another help for a file that is too long.
///
/// # Errors
/// As [`read`].
pub fn read_or(path: &Path, help: &str) -> Result<String, Failure> {
    let mut bytes = files::read_limited(path, unpacked::MAX + 1)?;
    if bytes.len() as u64 > unpacked::MAX {
        return Err(Failure::of(path, format!("larger than {}", unpacked::limit())).with_help(help));
    }
    if let Some(unpacked) = unpacked::unpacked(&bytes) {
        bytes = unpacked.map_err(|why| Failure::of(path, why))?;
    }
    if bytes.iter().all(|&byte| byte == 0) {
        return Err(Failure::of(path, "the file is empty"));
    }
    if let Some(kind) = magic::kind(&bytes) {
        return Err(
            Failure::of(path, format!("this is {}, not text", kind.what)).with_help(kind.for_text(path))
        );
    }
    let wide = |unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| unit(pair.try_into().unwrap_or_default()));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    let text: String = match bytes.as_slice() {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        _ => String::from_utf8_lossy(&bytes).into_owned(),
    };
    match is_text(&text) {
        true => Ok(text),
        false => Err(Failure::of(path, "this is not text")),
    }
}

/// Tells whether most of it is text: a serial line garbles some of it, and a memory dump has zeros.
fn is_text(text: &str) -> bool {
    let is_odd = |c: char| {
        let is_known = matches!(c, '\t' | '\n' | '\r' | '\x07' | '\x08' | '\x0c' | '\x1b');
        c == char::REPLACEMENT_CHARACTER || (c.is_control() && !is_known)
    };
    let all = || text.chars().filter(|&c| c != '\0');
    all().filter(|&c| is_odd(c)).count() <= all().count() / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbled_lines_are_text_and_random_bytes_are_not() {
        assert!(is_text("[    0.000000] Booting Linux\r\n\x1b[0m"));
        assert!(is_text("\u{fffd}\u{fffd}\x01[    0.000000] Booting\0\0\0\0\0\0\0\0\0\0\0\0\0\0"));
        let random: Vec<u8> = (0_u32..4096).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        assert!(!is_text(&String::from_utf8_lossy(&random)));
    }
}
