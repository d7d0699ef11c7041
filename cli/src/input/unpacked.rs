//! Unpacks inputs that people keep packed: rotated logs, `/proc/config.gz`, entries of Android's tables.
//!
//! A stream of a kilobyte can hold gigabytes, so what comes out is bounded, and more is an error.

use std::io::Read;

use flate2::bufread::{GzDecoder, ZlibDecoder};
use ringfence::packing::{Packing, Stream};

/// Largest input in bytes, plain or once it is unpacked.
pub(super) const MAX: u64 = 64 << 20;

/// What a gzip stream begins with, whatever it is compressed by.
pub(super) const GZIP: &[u8] = &[0x1f, 0x8b];

/// Returns the bytes of a file without the packing that its first bytes name; `None` when they name none that
/// is unpacked here.
pub(super) fn unpacked(bytes: &[u8]) -> Option<Result<Vec<u8>, String>> {
    if bytes.starts_with(GZIP) {
        return Some(gzip(bytes));
    }
    let packing = Packing::ALL.into_iter().find(|packing| bytes.starts_with(packing.magic()))?;
    let why = |_| format!("the {} stream is damaged, or holds more than {}", packing.name(), limit());
    Some(ringfence_unpack::to_vec(Stream { packing, bytes }, MAX).map_err(why))
}

/// Unpacks gzip. Streams may follow one another, as when logs are joined; what follows the last is ignored,
/// as `gzip` does it.
pub(super) fn gzip(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let (mut rest, mut out) = (bytes, Vec::new());
    while out.is_empty() || rest.starts_with(GZIP) {
        let mut stream = GzDecoder::new(rest);
        bounded(&mut stream, "gzip", &mut out)?;
        rest = stream.into_inner();
        if rest.is_empty() {
            break;
        }
    }
    Ok(out)
}

/// Unpacks a zlib stream.
pub(super) fn zlib(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    bounded(&mut ZlibDecoder::new(bytes), "zlib", &mut out)?;
    Ok(out)
}

fn bounded(stream: &mut impl Read, packing: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let room = MAX - out.len() as u64;
    let unpacked = stream.take(room + 1).read_to_end(out);
    unpacked.map_err(|error| format!("cannot unpack it: the {packing} stream is damaged: {error}"))?;
    match out.len() as u64 <= MAX {
        true => Ok(()),
        false => Err(format!("cannot unpack it: the {packing} stream holds more than {}", limit())),
    }
}

/// The limit as messages state it.
pub(super) fn limit() -> ringfence::span::Size {
    ringfence::span::Size(MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn packed(len: usize) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let zeros = vec![0; 1 << 20];
        for start in (0..len).step_by(zeros.len()) {
            encoder.write_all(&zeros[..zeros.len().min(len - start)]).unwrap();
        }
        encoder.finish().unwrap()
    }

    #[test]
    fn streams_are_joined_and_what_follows_is_ignored() {
        let one = packed(10);
        assert_eq!(unpacked(&one).unwrap().unwrap().len(), 10);
        assert_eq!(gzip(&[&one[..], &packed(20)].concat()).unwrap().len(), 30);
        assert_eq!(gzip(&[&one[..], b"padding\0\0"].concat()).unwrap().len(), 10);
        assert_eq!(gzip(&[&packed(0)[..], &one].concat()).unwrap().len(), 10);
        assert!(gzip(&one[..15]).unwrap_err().contains("damaged"));
        assert_eq!(unpacked(b"plain"), None);
    }

    #[test]
    fn more_than_the_limit_is_an_error_that_names_it() {
        assert_eq!(gzip(&packed(MAX as usize)).unwrap().len() as u64, MAX);
        for bomb in [packed(MAX as usize + 1), [packed(MAX as usize), packed(1)].concat()] {
            assert!(gzip(&bomb).unwrap_err().contains("holds more than 64 MiB"));
        }
    }
}
