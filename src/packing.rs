//! The ways in which a kernel or another image may be packed, identified by their first bytes.

use core::fmt;

/// What an EFI zboot image begins with (drivers/firmware/efi/libstub/zboot-header.S).
const ZBOOT: [u8; 8] = *b"MZ\0\0zimg";

/// A compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// A gzip stream (RFC 1952).
    Gzip,
    /// An LZMA stream with a header of 13 bytes (doc/lzma-file-format.txt of XZ Utils), coded as all packers
    /// do unless told otherwise.
    Lzma,
    /// A zstd frame (RFC 8878).
    Zstd,
}

impl Packing {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Self::Gzip, Self::Lzma, Self::Zstd];

    /// Returns its name, which is also that in the `compression` of a FIT image.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Lzma => "lzma",
            Self::Zstd => "zstd",
        }
    }

    /// Returns what the names of its files end with.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Gzip => "gz",
            Self::Lzma => "lzma",
            Self::Zstd => "zst",
        }
    }

    /// Returns the bytes that its streams begin with.
    #[must_use]
    pub const fn magic(self) -> &'static [u8] {
        match self {
            Self::Gzip => &[0x1f, 0x8b, 8],
            Self::Lzma => &[0x5d, 0, 0],
            Self::Zstd => &[0x28, 0xb5, 0x2f, 0xfd],
        }
    }

    /// Returns the packing of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|packing| packing.name() == name)
    }
}

/// Prints the names of all packings, such as "gzip, lzma or zstd".
pub(crate) struct Names;

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = Packing::ALL.len() - 1;
        for (index, packing) in Packing::ALL.into_iter().enumerate() {
            f.write_str(match index {
                0 => "",
                _ if index == last => " or ",
                _ => ", ",
            })?;
            f.write_str(packing.name())?;
        }
        Ok(())
    }
}

/// A packed stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream<'a> {
    /// How it is packed.
    pub packing: Packing,
    /// Its bytes, the magic ones included.
    pub bytes: &'a [u8],
}

/// A format that is not an arm64 `Image`, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    magic: &'static [u8],
    /// Its name, with an article.
    pub name: &'static str,
    /// What a place holds that has it, for the end of a sentence.
    pub holds: &'static str,
    /// What to do to boot it.
    pub advice: &'static str,
}

/// Formats of kernels and of what is taken for one. Longer magic numbers come first.
const FORMATS: &[Format] = &[
    format(b"\xfd7zXZ\0", "an xz file", "holds an xz file instead of a bundle", "unpack it with `xz -d`"),
    format(
        b"\x89LZO\0",
        "an lzop file",
        "holds an lzop file instead of a bundle",
        "unpack it with `lzop -d`",
    ),
    format(b"ANDROID!", "an Android boot image", "holds an Android boot image", "take the kernel out of it"),
    format(b"\x7fELF", "an ELF file", "holds an ELF file", "take arch/arm64/boot/Image of the same build"),
    format(b"\x27\x05\x19\x56", "a uImage", "holds a uImage", "take the Image that it was made of"),
    format(
        b"\x02\x21\x4c\x18",
        "an lz4 file",
        "holds an lz4 file instead of a bundle",
        "unpack it with `lz4 -d`",
    ),
    format(
        b"\x04\x22\x4d\x18",
        "an lz4 file",
        "holds an lz4 file instead of a bundle",
        "unpack it with `lz4 -d`",
    ),
    format(b"\xd0\x0d\xfe\xed", "a device tree or a bundle", "holds a bundle", "pack its kernel alone"),
    format(
        Packing::Zstd.magic(),
        "a zstd file",
        "holds a zstd file instead of a bundle",
        "unpack it with `zstd -d`",
    ),
    format(
        Packing::Gzip.magic(),
        "a gzip file",
        "holds a gzip file instead of a bundle",
        "unpack it with `gzip -d`",
    ),
    format(b"BZh", "a bzip2 file", "holds a bzip2 file instead of a bundle", "unpack it with `bzip2 -d`"),
    format(
        Packing::Lzma.magic(),
        "an lzma file",
        "holds an lzma file instead of a bundle",
        "unpack it with `unlzma`",
    ),
    format(
        b"MZ",
        "an EFI application",
        "holds an EFI application",
        "for a unified image, take its .linux out",
    ),
];

const fn format(
    magic: &'static [u8],
    name: &'static str,
    holds: &'static str,
    advice: &'static str,
) -> Format {
    Format { magic, name, holds, advice }
}

/// Bytes that tell all formats from each other.
const TELLING: usize = 4;

/// Returns the format that `bytes` are in, of which the first four are enough, if it is one that is known and
/// not an arm64 `Image`.
#[must_use]
pub fn format_of(bytes: &[u8]) -> Option<&'static Format> {
    let starts = |magic: &[u8]| bytes.len() >= TELLING && magic.starts_with(bytes);
    FORMATS.iter().find(|format| bytes.starts_with(format.magic) || starts(format.magic))
}

/// Why an EFI zboot image cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZbootError {
    /// It ends before its payload does.
    CutShort,
    /// Its payload is packed in a way that is not known; the format, if its magic number is.
    UnknownPacking(Option<&'static str>),
}

impl fmt::Display for ZbootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutShort => f.write_str("the EFI zboot image ends before its payload does"),
            Self::UnknownPacking(format) => {
                let format = format.unwrap_or("something else");
                write!(
                    f,
                    "the EFI zboot image holds {format} instead of a stream of {Names}; take \
                     arch/arm64/boot/Image of the same build"
                )
            }
        }
    }
}

impl<'a> Stream<'a> {
    /// Returns the stream that `bytes` are, or hold as an EFI zboot image; `None` when they are not packed.
    ///
    /// # Errors
    /// [`ZbootError`] when they are a zboot image whose stream cannot be found.
    pub fn find(bytes: &'a [u8]) -> Result<Option<Self>, ZbootError> {
        let of = |bytes: &'a [u8]| {
            let packing = Packing::ALL.into_iter().find(|packing| bytes.starts_with(packing.magic()))?;
            Some(Self { packing, bytes })
        };
        match bytes.strip_prefix(&ZBOOT) {
            None => Ok(of(bytes)),
            Some(rest) => {
                let stream = zboot_payload(bytes, rest).ok_or(ZbootError::CutShort)?;
                of(stream)
                    .map(Some)
                    .ok_or_else(|| ZbootError::UnknownPacking(format_of(stream).map(|format| format.name)))
            }
        }
    }
}

/// Returns the payload of a zboot image: its offset and its length follow the magic bytes, in 32 bits each.
fn zboot_payload<'a>(image: &'a [u8], rest: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = rest.split_first_chunk()?;
    let start = usize::try_from(u32::from_le_bytes(*start)).ok()?;
    let len = usize::try_from(u32::from_le_bytes(*rest.first_chunk()?)).ok()?;
    image.get(start..start.checked_add(len)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    fn zboot(stream: &[u8]) -> Vec<u8> {
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
    fn a_stream_is_found_alone_and_in_a_zboot_image() {
        for packing in Packing::ALL {
            let bytes = [packing.magic(), b"rest"].concat();
            let stream = Some(Stream { packing, bytes: &bytes });
            assert_eq!(Stream::find(&bytes), Ok(stream));
            assert_eq!(Stream::find(&zboot(&bytes)), Ok(stream));
            assert_eq!(Packing::named(packing.name()), Some(packing));
        }
        assert_eq!(Stream::find(b"MZ, but a plain Image"), Ok(None));
        assert_eq!(Stream::find(&[]), Ok(None));
    }

    #[test]
    fn a_zboot_image_that_is_cut_or_packed_otherwise_is_refused() {
        let image = zboot(&[0x1f, 0x8b, 8, 0]);
        assert_eq!(Stream::find(&image[..67]), Err(ZbootError::CutShort));
        assert_eq!(Stream::find(&image[..10]), Err(ZbootError::CutShort));
        let xz = zboot(b"\xfd7zXZ\0");
        let refused = Stream::find(&xz).unwrap_err();
        assert_eq!(refused, ZbootError::UnknownPacking(Some("an xz file")));
        assert!(refused.to_string().contains("holds an xz file instead of a stream of gzip, lzma or zstd"));
    }

    #[test]
    fn a_format_is_named_by_its_magic_number_and_an_image_has_none() {
        for (bytes, name) in [
            (&b"\xfd7zXZ\0\0"[..], "an xz file"),
            (b"\x89LZO\0\r\n", "an lzop file"),
            (b"ANDROID!", "an Android boot image"),
            (b"\x7fELF\x02", "an ELF file"),
            (b"\x27\x05\x19\x56", "a uImage"),
            (b"\x02\x21\x4c\x18", "an lz4 file"),
            (b"\x04\x22\x4d\x18", "an lz4 file"),
            (b"\x28\xb5\x2f\xfd", "a zstd file"),
            (b"\x1f\x8b\x08\0", "a gzip file"),
            (b"BZh91AY", "a bzip2 file"),
            (b"\x5d\0\0\x80", "an lzma file"),
            (b"MZ\x78\0", "an EFI application"),
        ] {
            assert_eq!(format_of(bytes).map(|format| format.name), Some(name));
            assert_eq!(format_of(&bytes[..TELLING]).map(|format| format.name), Some(name), "by a word");
        }
        for none in [&b"\xfd7"[..], b"", b"\xfd7zYZ\0\0"] {
            assert_eq!(format_of(none), None, "{none:?}");
        }
        assert_eq!(format_of(b"\x1f\x20\x03\xd5"), None);
    }
}
