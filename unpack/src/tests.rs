use super::*;
use alloc::vec;
use proptest::prelude::*;

/// Most bytes that the tests unpack to.
const LIMIT: u64 = 1 << 20;

fn stream(packing: Packing, bytes: &[u8]) -> Stream<'_> {
    Stream { packing, bytes }
}

fn kernel() -> Vec<u8> {
    (0..200_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect()
}

#[test]
fn every_packing_gives_the_same_bytes() {
    let kernel = kernel();
    for packing in Packing::ALL {
        let bytes = pack(packing, &kernel);
        let stream = stream(packing, &bytes);
        let measure = measure(stream).unwrap();
        assert_eq!(measure.head, kernel[..64]);
        assert!(measure.len == 0 || measure.len == kernel.len() as u64);
        let mut out = vec![0xee; kernel.len() + 100];
        assert_eq!(unpack(stream, &mut out), Some(kernel.len()));
        assert!(out.starts_with(&kernel) && out.ends_with(&[0xee; 100]));
        assert!(to_vec(stream, LIMIT).unwrap() == kernel);
    }
}

#[test]
fn what_does_not_fit_or_is_cut_off_is_refused() {
    let kernel = kernel();
    for packing in Packing::ALL {
        let bytes = pack(packing, &kernel);
        let whole = stream(packing, &bytes);
        assert_eq!(unpack(whole, &mut vec![0; kernel.len() - 1]), None);
        assert_eq!(to_vec(whole, kernel.len() as u64 - 1), Err(StreamError::Damaged));
        for len in [0, 3, 20, bytes.len() / 2, bytes.len() - 9] {
            let cut = stream(packing, &bytes[..len]);
            assert_eq!(to_vec(cut, LIMIT), Err(StreamError::Damaged), "{packing:?} of {len} bytes");
        }
    }
}

/// Returns a kernel whose header states how much memory it takes.
fn image() -> Vec<u8> {
    let mut image = kernel();
    image[0x08..0x10].fill(0);
    image[0x10..0x18].copy_from_slice(&0x20_0000_u64.to_le_bytes());
    image[0x18..0x20].copy_from_slice(&8_u64.to_le_bytes());
    image[0x38..0x3c].copy_from_slice(b"ARM\x64");
    image
}

#[test]
fn a_gzip_stream_ends_where_it_ends_whatever_follows() {
    let image = image();
    let packed = pack(Packing::Gzip, &image);
    // Padding to a page, and a device tree.
    for tail in [vec![0; 1000], [&b"\xd0\x0d\xfe\xed"[..], &[0x77; 300]].concat()] {
        let bytes = [&packed[..], &tail].concat();
        let stream = stream(Packing::Gzip, &bytes);
        let measure = measure(stream).unwrap();
        assert!(measure.head == image[..64] && measure.len <= 0x20_0000);
        let mut out = vec![0xee; 0x20_0000];
        assert_eq!(unpack(stream, &mut out), Some(image.len()));
        assert!(out.starts_with(&image));
        assert!(to_vec(stream, 2 * LIMIT).unwrap() == image);
        assert_eq!(to_vec(stream, image.len() as u64 - 1), Err(StreamError::Damaged));
    }
}

#[test]
fn a_gzip_stream_is_checked_against_its_checksum() {
    let mut bytes = pack(Packing::Gzip, &kernel());
    let crc = bytes.len() - 8;
    bytes[crc] ^= 1;
    assert_eq!(to_vec(stream(Packing::Gzip, &bytes), LIMIT), Err(StreamError::Damaged));
}

/// As `zstd` packs: it adds the low half of an XXH64, which the encoder of the other tests leaves out.
#[test]
fn a_zstd_frame_is_checked_against_its_checksum() {
    // `printf hello | zstd`
    let hello = b"\x28\xb5\x2f\xfd\x04\x58\x29\x00\x00hello\xa3\x6d\x9f\x88";
    let unpacked = |bytes: &[u8]| to_vec(stream(Packing::Zstd, bytes), LIMIT);
    assert_eq!(unpacked(hello).as_deref(), Ok(&b"hello"[..]));
    assert_eq!(unpacked(&[hello, &[0; 9][..]].concat()).as_deref(), Ok(&b"hello"[..]));
    assert_eq!(unpacked(&hello[..hello.len() - 1]), Err(StreamError::Damaged));
    for at in [9, hello.len() - 1] {
        let mut damaged = hello.to_vec();
        damaged[at] ^= 1;
        assert_eq!(unpacked(&damaged), Err(StreamError::Damaged), "byte {at}");
    }
}

#[test]
fn an_lzma_stream_may_state_its_length() {
    let kernel = kernel();
    let len = kernel.len() as u64;
    let bytes = lzma::pack_with(&kernel, Some(len));
    let whole = stream(Packing::Lzma, &bytes);
    assert_eq!(measure(whole).unwrap().len, len);
    // A vendor's tool may pad what it packed.
    let padded = [&bytes[..], &[0; 100]].concat();
    for bytes in [&bytes, &padded] {
        let mut out = vec![0; kernel.len()];
        assert_eq!(unpack(stream(Packing::Lzma, bytes), &mut out), Some(kernel.len()));
        assert!(out == kernel && to_vec(stream(Packing::Lzma, bytes), len).unwrap() == kernel);
    }
    assert_eq!(unpack(whole, &mut vec![0; kernel.len() - 1]), None);
    assert_eq!(to_vec(whole, len - 1), Err(StreamError::Damaged));
    // More than there is, with and without a mark at the end, and the largest window: that of the output
    // does.
    let mut damaged = bytes;
    for mut marked in [damaged.clone(), lzma::pack(&kernel)] {
        marked[5..13].copy_from_slice(&(len + 1).to_le_bytes());
        let marked = stream(Packing::Lzma, &marked);
        assert_eq!(to_vec(marked, LIMIT), Err(StreamError::Damaged));
        assert_eq!(unpack(marked, &mut vec![0; kernel.len() + 1]), None);
    }
    damaged[1..5].copy_from_slice(&0xff00_0000_u32.to_le_bytes());
    assert!(work(stream(Packing::Lzma, &damaged), len) < 3 * len);
}

proptest! {
    #[test]
    fn no_bytes_do_harm(bytes: Vec<u8>, at: usize, value: u8) {
        for packing in Packing::ALL {
            let junk = [packing.magic(), &bytes].concat();
            let _ = to_vec(stream(packing, &junk), LIMIT);
            let mut damaged = pack(packing, &bytes);
            let at = at % damaged.len();
            damaged[at] = value;
            let damaged = stream(packing, &damaged);
            let _ = (measure(damaged), work(damaged, 1 << 20), unpack(damaged, &mut [0; 64]));
            prop_assert!(to_vec(damaged, LIMIT).map_or(0, |out| out.len()) as u64 <= LIMIT);
        }
    }
}
