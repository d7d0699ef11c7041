//! What a file is that is not what was asked for, from its first bytes.

use std::path::Path;

use ringfence::packing::Packing;

use super::unpacked;
use crate::failure::Failure;

/// A kind of file.
pub(super) struct Kind {
    offset: usize,
    magic: &'static [u8],
    /// What messages call it, with an article.
    pub(super) what: &'static str,
    /// The program that unpacks it.
    packer: Option<&'static str>,
    /// What to do about it where a device tree was asked for.
    help: &'static str,
}

impl Kind {
    const fn packed(magic: &'static [u8], what: &'static str, packer: &'static str) -> Self {
        Self { offset: 0, magic, what, packer: Some(packer), help: "" }
    }

    const fn other(offset: usize, magic: &'static [u8], what: &'static str, help: &'static str) -> Self {
        Self { offset, magic, what, packer: None, help }
    }

    /// What to do about it where text was asked for.
    pub(super) fn for_text(&self, name: &Path) -> String {
        match self.packer {
            Some(packer) => format!("unpack it first: {packer} -dc {} > FILE", name.display()),
            None => "give a text file".to_owned(),
        }
    }
}

/// First bytes, and what they begin.
const KINDS: &[Kind] = &[
    Kind::packed(unpacked::GZIP, "a gzip stream", "gzip"),
    Kind::packed(b"\xfd7zXZ\0", "an xz stream", "xz"),
    Kind::packed(Packing::Zstd.magic(), "a zstd stream", "zstd"),
    Kind::packed(b"BZh", "a bzip2 stream", "bzip2"),
    Kind::packed(&[0x04, 0x22, 0x4d, 0x18], "an lz4 stream", "lz4"),
    Kind::packed(&[0x02, 0x21, 0x4c, 0x18], "an lz4 stream", "lz4"),
    Kind::packed(Packing::Lzma.magic(), "an lzma stream", "lzma"),
    Kind::other(4, b"zimg", "an EFI zboot image of a kernel", KERNEL),
    Kind::other(56, b"ARM\x64", "an arm64 kernel Image", KERNEL),
    Kind::other(
        0,
        &[0x27, 0x05, 0x19, 0x56],
        "a uImage",
        "`dumpimage -T kernel -p 0 -o OUT FILE` takes it apart",
    ),
    Kind::other(0, b"\x7fELF", "an ELF file", KERNEL),
    Kind::other(0, b"MZ", "an EFI application", KERNEL),
    Kind::other(
        0,
        b"QCDT",
        "a table of trees of older Qualcomm loaders",
        "`dtbTool` and its like take it apart",
    ),
];

/// What to do where a kernel was given.
pub(super) const KERNEL: &str = "give the device tree: a .dtb, a .dts, or a bundle (.itb) that has one";

/// Returns the kind of a file, if its first bytes name one.
pub(super) fn kind(bytes: &[u8]) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| bytes.get(kind.offset..).is_some_and(|rest| rest.starts_with(kind.magic)))
}

/// Names the kind of a file that is no device tree, if it is known.
pub(super) fn refusal(name: &Path, bytes: &[u8]) -> Option<Failure> {
    let kind = kind(bytes)?;
    let file = name.display().to_string();
    let help = match kind.packer {
        Some(packer) => format!("unpack it first: {packer} -dc {file} | ringfence check -"),
        None => kind.help.replace("FILE", &file),
    };
    Some(Failure::of(name, format!("this is {}, not a device tree", kind.what)).with_help(help))
}
