//! What a file is that is not a device tree, from its first bytes.

use std::path::Path;

use crate::failure::Failure;

/// First bytes, their offset, what they begin, and what to do about it.
const KINDS: &[(usize, &[u8], &str, &str)] = &[
    (0, &[0x1f, 0x8b], "a gzip stream", "unpack it first: gzip -dc FILE | ringfence check -"),
    (0, b"\xfd7zXZ\0", "an xz stream", "unpack it first: xz -dc FILE | ringfence check -"),
    (0, &[0x28, 0xb5, 0x2f, 0xfd], "a zstd stream", "unpack it first: zstd -dc FILE | ringfence check -"),
    (0, b"BZh", "a bzip2 stream", "unpack it first: bzip2 -dc FILE | ringfence check -"),
    (0, &[0x04, 0x22, 0x4d, 0x18], "an lz4 stream", "unpack it first: lz4 -dc FILE | ringfence check -"),
    (0, &[0x02, 0x21, 0x4c, 0x18], "an lz4 stream", "unpack it first: lz4 -dc FILE | ringfence check -"),
    (0, &[0x5d, 0, 0], "an lzma stream", "unpack it first: lzma -dc FILE | ringfence check -"),
    (4, b"zimg", "an EFI zboot image of a kernel", KERNEL),
    (56, b"ARM\x64", "an arm64 kernel Image", KERNEL),
    (0, &[0x27, 0x05, 0x19, 0x56], "a uImage", "`dumpimage -T kernel -p 0 -o OUT FILE` takes it apart"),
    (0, b"\x7fELF", "an ELF file", KERNEL),
    (0, b"MZ", "an EFI application", KERNEL),
];

const KERNEL: &str = "give the device tree: a .dtb, a .dts, or a bundle (.itb) that has one";

/// Names the kind of a file that is no device tree, if it is known.
pub(super) fn refusal(name: &Path, bytes: &[u8]) -> Option<Failure> {
    let begins = |at: usize, magic: &[u8]| bytes.get(at..).is_some_and(|rest| rest.starts_with(magic));
    let (.., what, help) = KINDS.iter().find(|(at, magic, ..)| begins(*at, magic))?;
    let help = help.replace("FILE", &name.display().to_string());
    Some(Failure::of(name, format!("this is {what}, not a device tree")).with_help(help))
}
