//! Unpacks a kernel: gzip and zstd streams, alone or in the EFI zboot form (drivers/firmware/efi/libstub/zboot-header.S).

use std::io::Read;

/// Maximum size of an unpacked kernel, in bytes: a larger one is a decompression bomb.
const MAX_KERNEL: u64 = 512 << 20;
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const ZBOOT: &[u8] = b"MZ\0\0zimg";

/// Returns the kernel in `bytes`, unpacked, or `None` when they are not packed.
///
/// # Errors
/// In words, when a stream is damaged, holds more than 512 MiB, or is packed in another way.
pub(crate) fn unpack(bytes: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let stream = if bytes.starts_with(ZBOOT) { zboot(bytes)? } else { bytes };
    if stream.starts_with(GZIP) {
        return limited(flate2::read::MultiGzDecoder::new(stream), "gzip").map(Some);
    }
    if stream.starts_with(ZSTD) {
        let damaged = |error: &dyn std::fmt::Display| format!("damaged zstd stream: {error}");
        let decoder = ruzstd::decoding::StreamingDecoder::new(stream).map_err(|error| damaged(&error))?;
        return limited(decoder, "zstd").map(Some);
    }
    match bytes.starts_with(ZBOOT) {
        true => Err("the EFI zboot image is packed with neither gzip nor zstd".into()),
        false => Ok(None),
    }
}

/// Returns the stream in a zboot image: its offset and length are the second and third word after the two marks.
fn zboot(bytes: &[u8]) -> Result<&[u8], String> {
    let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    let stream = word(8).zip(word(12)).and_then(|(start, len)| bytes.get(start..start.checked_add(len)?));
    stream.ok_or_else(|| "the EFI zboot image is truncated".into())
}

fn limited(stream: impl Read, kind: &str) -> Result<Vec<u8>, String> {
    let mut plain = Vec::new();
    let read = stream.take(MAX_KERNEL + 1).read_to_end(&mut plain);
    read.map_err(|error| format!("damaged {kind} stream: {error}"))?;
    match plain.len() as u64 > MAX_KERNEL {
        true => Err("unpacks to more than 512 MiB: this is not a kernel".into()),
        false => Ok(plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    fn in_zboot(stream: &[u8]) -> Vec<u8> {
        let mut image = ZBOOT.to_vec();
        image.extend(64_u32.to_le_bytes());
        image.extend((stream.len() as u32).to_le_bytes());
        image.resize(64, 0);
        image.extend(stream);
        // What EFI runs follows.
        image.extend([0xee; 100]);
        image
    }

    #[test]
    fn every_form_gives_the_same_kernel() {
        let kernel: Vec<u8> = (0..200_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        for stream in [gzip(&kernel), zstd(&kernel)] {
            assert!(unpack(&stream).unwrap().unwrap() == kernel);
            assert!(unpack(&in_zboot(&stream)).unwrap().unwrap() == kernel);
        }
        assert_eq!(unpack(&kernel), Ok(None));
    }

    #[test]
    fn what_is_damaged_is_told_and_not_taken() {
        let kernel = vec![7; 100_000];
        for stream in [gzip(&kernel), zstd(&kernel)] {
            assert!(unpack(&stream[..stream.len() - 1]).is_err(), "cut off");
            let whole = in_zboot(&stream);
            assert!(unpack(&whole[..70]).unwrap_err().contains("truncated"));
        }
        assert!(unpack(&in_zboot(b"\x5d\0\0\x80")).unwrap_err().contains("neither"));
    }
}
