//! Reads the header of an arm64 `Image`: where the kernel wants to be and how much room it takes.
//!
//! Source: Documentation/arch/arm64/booting.rst, section 4. The header is 64 bytes, little endian.

use core::fmt;

use crate::packing::{Format, Packing, Stream, format_of};
use crate::profile::PageSize;
use crate::span::{MIB, Span};

/// Length of the header in bytes.
pub const HEADER_LEN: usize = 64;
/// Alignment in bytes of the base that `text_offset` counts from.
pub const PLACEMENT_ALIGN: u64 = 2 * MIB;
/// The magic number's bytes, at offset 0x38.
const MAGIC: [u8; 4] = *b"ARM\x64";
/// What kernels before 3.17 (`image_size` of zero) mean, whatever their `text_offset` field says.
const LEGACY_TEXT_OFFSET: u64 = 0x8_0000;
/// Room left after a kernel that does not state its size: the document asks for "as much as possible".
const LEGACY_TAIL: u64 = 16 * MIB;

/// Why bytes are not a kernel that arm64 can boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// Fewer bytes than a header has.
    TooShort {
        /// How many there are.
        len: usize,
    },
    /// The magic number is missing: not an arm64 `Image` at all.
    BadMagic {
        /// The four bytes found at 0x38, as a little-endian number.
        found: u32,
    },
    /// Not an arm64 `Image`, but another format that is known.
    Foreign(&'static Format),
    /// A packed kernel, which must be unpacked first.
    Packed(Packing),
    /// A big-endian kernel; ringfence hands off in little-endian state only.
    BigEndian,
    /// `text_offset` is outside the 2 MiB that it may shift the kernel by, or not a page multiple.
    BadTextOffset {
        /// The offset in bytes.
        found: u64,
    },
    /// `image_size` is larger than any arm64 memory.
    BadImageSize {
        /// The size in bytes.
        found: u64,
    },
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TooShort { len } => {
                write!(f, "{len} bytes are too few for the {HEADER_LEN}-byte header of an arm64 Image")
            }
            Self::BadMagic { found } => write!(
                f,
                "not an arm64 Image: {found:#010x} at offset 0x38, where the magic number 0x644d5241 must be"
            ),
            Self::Foreign(format) => {
                write!(f, "this is {}, not an arm64 Image: {}", format.name, format.advice)
            }
            Self::Packed(packing) => {
                write!(
                    f,
                    "the kernel is packed with {}: unpack it to a plain arm64 Image first",
                    packing.name()
                )
            }
            Self::BigEndian => f.write_str("the kernel is big endian (flags bit 0): use a little-endian one"),
            Self::BadTextOffset { found } => {
                write!(f, "text_offset {found:#x} is not a multiple of 4 KiB below 2 MiB")
            }
            Self::BadImageSize { found } => {
                write!(f, "image_size {found:#x} exceeds the 48-bit address space")
            }
        }
    }
}

impl core::error::Error for ImageError {}

/// The header of an arm64 `Image`, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    text_offset: u64,
    image_size: Option<u64>,
    flags: u64,
}

impl Header {
    /// Reads the header at the start of `image`.
    ///
    /// # Errors
    /// Any [`ImageError`]; packed kernels have errors of their own, because distributions ship them.
    pub fn parse(image: &[u8]) -> Result<Self, ImageError> {
        if let Ok(Some(stream)) = Stream::find(image) {
            return Err(ImageError::Packed(stream.packing));
        }
        let foreign = || format_of(image).map(ImageError::Foreign);
        let header = image.first_chunk::<HEADER_LEN>();
        let header = header.ok_or_else(|| foreign().unwrap_or(ImageError::TooShort { len: image.len() }))?;
        let magic = bytes_at::<4>(header, 0x38);
        if magic != MAGIC {
            return Err(foreign().unwrap_or(ImageError::BadMagic { found: u32::from_le_bytes(magic) }));
        }
        let flags = u64::from_le_bytes(bytes_at(header, 0x18));
        if flags & 1 != 0 {
            return Err(ImageError::BigEndian);
        }
        let (text_offset, image_size) = match u64::from_le_bytes(bytes_at(header, 0x10)) {
            0 => (LEGACY_TEXT_OFFSET, None),
            size => (u64::from_le_bytes(bytes_at(header, 0x08)), Some(size)),
        };
        if text_offset >= PLACEMENT_ALIGN || text_offset % PageSize::K4.bytes() != 0 {
            return Err(ImageError::BadTextOffset { found: text_offset });
        }
        if let Some(found) = image_size.filter(|&size| size >= 1 << 48) {
            return Err(ImageError::BadImageSize { found });
        }
        Ok(Self { text_offset, image_size, flags })
    }

    /// Distance in bytes of the image from a 2 MiB-aligned base.
    #[must_use]
    pub const fn text_offset(&self) -> u64 {
        self.text_offset
    }

    /// `image_size` as the header states it, in bytes from the image's start: file, BSS and early page
    /// tables. `None` for kernels before 3.17, which do not say.
    #[must_use]
    pub const fn declared_size(&self) -> Option<u64> {
        self.image_size
    }

    /// Returns the bytes from the image's start that must be in RAM and be free of all else, for a file of
    /// `file_len` bytes. The kernel zeroes what is after the file before it looks at any reservation.
    #[must_use]
    pub const fn footprint(&self, file_len: u64) -> u64 {
        match self.image_size {
            Some(size) if size > file_len => size,
            Some(_) => file_len,
            None => file_len.saturating_add(LEGACY_TAIL),
        }
    }

    /// Returns the span that the kernel takes when its first byte is at `address`; `None` when that wraps.
    #[must_use]
    pub const fn span_at(&self, address: u64, file_len: u64) -> Option<Span> {
        Span::new(address, self.footprint(file_len))
    }

    /// Returns whether a kernel whose first byte is at `address` may run there without being moved.
    #[must_use]
    pub const fn is_well_placed(&self, address: u64) -> bool {
        address % PLACEMENT_ALIGN == self.text_offset
    }

    /// Page size that the kernel was built for, or `None` when the header leaves it open.
    #[must_use]
    pub const fn page_size(&self) -> Option<PageSize> {
        match (self.flags >> 1) & 3 {
            1 => Some(PageSize::K4),
            2 => Some(PageSize::K16),
            3 => Some(PageSize::K64),
            _ => None,
        }
    }

    /// Returns whether the base may be anywhere in memory (flags bit 3); if not, it belongs as near to the
    /// start of RAM as possible, because memory below it is of no use to the kernel.
    #[must_use]
    pub const fn may_lie_anywhere(&self) -> bool {
        self.flags & 8 != 0
    }
}

/// Copies `N` bytes at `offset`, which the callers keep inside the header.
fn bytes_at<const N: usize>(header: &[u8; HEADER_LEN], offset: usize) -> [u8; N] {
    let mut out = [0; N];
    for (to, from) in out.iter_mut().zip(header.iter().skip(offset)) {
        *to = *from;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn image(text_offset: u64, image_size: u64, flags: u64) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0x08..0x10].copy_from_slice(&text_offset.to_le_bytes());
        bytes[0x10..0x18].copy_from_slice(&image_size.to_le_bytes());
        bytes[0x18..0x20].copy_from_slice(&flags.to_le_bytes());
        bytes[0x38..0x3c].copy_from_slice(&MAGIC);
        bytes
    }

    #[test]
    fn debian_6_12_says_where_it_wants_to_lie() {
        let header = Header::parse(&image(0, 0x224_0000, 0xa)).unwrap();
        assert_eq!(header.text_offset(), 0);
        assert_eq!(header.page_size(), Some(PageSize::K4));
        assert!(header.may_lie_anywhere());
        assert_eq!(header.footprint(0x214_6200), 0x224_0000, "the tail is BSS and will be zeroed");
        assert!(header.is_well_placed(0x4020_0000));
        assert!(!header.is_well_placed(0x4020_1000));
    }

    #[test]
    fn page_sizes_are_told_apart() {
        let page = |flags| Header::parse(&image(0, 1, flags)).unwrap().page_size().map(PageSize::bytes);
        assert_eq!([page(0), page(2), page(4), page(6)], [None, Some(4096), Some(16384), Some(65536)]);
    }

    #[test]
    fn a_kernel_before_3_17_lies_at_512_kib_whatever_its_field_says() {
        let header = Header::parse(&image(0x0000_0800_0000_0000, 0, 0)).unwrap();
        assert_eq!(header.text_offset(), 0x8_0000);
        assert_eq!(header.declared_size(), None);
        assert!(header.footprint(100) > 100, "its BSS has no stated size: room is left behind it");
        assert!(header.is_well_placed(0x4008_0000));
    }

    #[test]
    fn a_file_longer_than_its_image_size_still_keeps_all_its_bytes() {
        assert_eq!(Header::parse(&image(0, 0x1000, 0)).unwrap().footprint(0x2000), 0x2000);
    }

    #[test]
    fn each_wrong_kernel_is_named_for_what_it_is() {
        assert_eq!(Header::parse(&[0; 63]), Err(ImageError::TooShort { len: 63 }));
        assert_eq!(Header::parse(&[0; 64]), Err(ImageError::BadMagic { found: 0 }));
        assert_eq!(Header::parse(&[0x1f, 0x8b, 8]), Err(ImageError::Packed(Packing::Gzip)));
        assert_eq!(Header::parse(&image(0, 1, 1)), Err(ImageError::BigEndian));
        assert_eq!(Header::parse(&image(0x1234, 1, 0)), Err(ImageError::BadTextOffset { found: 0x1234 }));
        assert_eq!(
            Header::parse(&image(2 * MIB, 1, 0)),
            Err(ImageError::BadTextOffset { found: 2 * MIB }),
            "more than the 2 MiB granule"
        );
        assert_eq!(Header::parse(&image(0, 1 << 48, 0)), Err(ImageError::BadImageSize { found: 1 << 48 }));
    }

    proptest! {
        #[test]
        fn no_header_makes_the_arithmetic_wrap(mut bytes: [u8; 64], at: u64, len: u64) {
            bytes[0x38..0x3c].copy_from_slice(&MAGIC);
            if let Ok(header) = Header::parse(&bytes) {
                prop_assert!(header.footprint(len) >= len);
                let _ = header.span_at(at, len);
            }
        }
    }
}
