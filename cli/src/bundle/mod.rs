//! Packs a bundle from files.

pub mod payload;

use std::path::{Path, PathBuf};

use ringfence::fdt;
use ringfence::fit::{Layout, Pack};
use ringfence::kernel_image::Header;
use ringfence::packing::Stream;
use ringfence::payload::MAX_KERNEL;

use crate::failure::Failure;
use crate::input::{self, Options};
use crate::project::policy_file;

/// The files that go into a bundle.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// An arm64 `Image`, plain or packed: gzip, zstd, or an EFI zboot image with either.
    pub kernel: PathBuf,
    /// The initial ramdisk.
    pub initrd: Option<PathBuf>,
    /// The device tree, `.dtb` or `.dts`.
    pub dtb: Option<PathBuf>,
    /// The overlays to apply to it, in this order.
    pub overlays: Vec<PathBuf>,
    /// The policy, TOML or blob.
    pub policy: Option<PathBuf>,
}

/// Packs the bundle, and returns the places of its parts in it.
///
/// # Errors
/// A [`Failure`] that names the file.
pub fn pack(parts: &Parts) -> Result<(Vec<u8>, Layout), Failure> {
    let kernel = read_kernel(&parts.kernel)?;
    let ramdisk = parts.initrd.as_deref().map(read_ramdisk).transpose()?;
    // Overlays refer to the symbols of the tree.
    let bare = parts.overlays.is_empty();
    let fdt = parts.dtb.as_deref().map(|path| read_tree(path, bare)).transpose()?;
    let overlays = read_overlays(parts, fdt.as_deref())?;
    let overlays: Vec<&[u8]> = overlays.iter().map(Vec::as_slice).collect();
    let policy = parts.policy.as_deref().map(policy_blob).transpose()?;
    let pack = Pack {
        kernel: &kernel,
        release: release(&kernel),
        ramdisk: ramdisk.as_deref(),
        fdt: fdt.as_deref(),
        overlays: &overlays,
        policy: policy.as_deref(),
        timestamp: source_date(),
    };
    pack.build_with_layout().map_err(|error| Failure::new(format!("bundle: {error}")))
}

/// Returns the release in the banner of a kernel (`linux_banner`, init/version-timestamp.c): what follows
/// `Linux version ` up to a blank, where that begins with a number.
#[must_use]
pub fn release(kernel: &[u8]) -> Option<&str> {
    const START: &[u8] = b"Linux version ";
    /// No release is longer (`__NEW_UTS_LEN`, include/uapi/linux/utsname.h).
    const MAX: usize = 64;
    memchr::memmem::find_iter(kernel, START).find_map(|at| {
        let text = kernel.get(at + START.len()..)?;
        let text = text.get(..text.iter().take(MAX + 1).position(|&byte| byte == b' ')?)?;
        let is_release = text.first()?.is_ascii_digit() && text.iter().all(u8::is_ascii_graphic);
        core::str::from_utf8(text).ok().filter(|_| is_release)
    })
}

/// Compiles a policy file to the blob that the stage reads.
///
/// # Errors
/// A [`Failure`] that names the file, and for TOML the line.
pub fn policy_blob(path: &Path) -> Result<Vec<u8>, Failure> {
    policy_file::load(path)?.to_blob().map_err(|error| Failure::of(path, error))
}

/// Reads an arm64 `Image`, unpacked if it is packed, and checks its header.
///
/// # Errors
/// A [`Failure`] that names the file.
pub fn read_kernel(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = input::read_image(path)?;
    let stream = Stream::find(&bytes).map_err(|error| Failure::of(path, error))?;
    let bytes = match stream {
        None => bytes,
        Some(stream) => ringfence_unpack::to_vec(stream, MAX_KERNEL).map_err(|_| {
            let packing = stream.packing.name();
            Failure::of(path, format!("the {packing} stream is damaged, or holds more than 512 MiB"))
        })?,
    };
    Header::parse(&bytes).map_err(|error| Failure::of(path, error))?;
    Ok(bytes)
}

fn read_ramdisk(path: &Path) -> Result<Vec<u8>, Failure> {
    match input::read_any(path)? {
        bytes if bytes.is_empty() => Err(Failure::of(path, "the file is empty")),
        bytes => Ok(bytes),
    }
}

fn read_tree(path: &Path, bare: bool) -> Result<Vec<u8>, Failure> {
    let bytes = input::load_one(path, &Options { bare, ..Options::default() })?.dtb;
    let blob = fdt::Blob::check(&bytes).map_err(|error| Failure::of(path, error))?;
    Ok(blob.bytes().to_vec())
}

/// Reads the overlays and applies them: an error is better found here than on the board.
fn read_overlays(parts: &Parts, tree: Option<&[u8]>) -> Result<Vec<Vec<u8>>, Failure> {
    let mut merged = tree.unwrap_or_default().to_vec();
    let mut overlays = Vec::new();
    for path in &parts.overlays {
        let overlay = input::read_overlay(path)?;
        if tree.is_some() {
            merged = input::apply(&merged, &overlay, path)?;
        }
        overlays.push(overlay);
    }
    Ok(overlays)
}

/// `SOURCE_DATE_EPOCH` where a distribution's build sets it, else zero: bundles are reproducible.
fn source_date() -> u32 {
    std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::release;

    #[test]
    fn the_release_is_the_one_of_the_banner() {
        let banner = b"\0%s version %s\0Linux version %s\0Linux version 6.6.92-yocto (gcc) #1\0";
        assert_eq!(release(banner), Some("6.6.92-yocto"));
        for none in
            [&b"Linux version 6.6"[..], b"", b"Linux version ", b"Linux version x ", b"Linux version 6\n "]
        {
            assert_eq!(release(none), None);
        }
    }
}
