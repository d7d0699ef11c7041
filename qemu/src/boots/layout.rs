//! Where QEMU puts kernel, initrd and device tree when it boots Linux by itself with 4 GiB of RAM.

use anyhow::{Context, Result};
use ringfence::facts::{BootFacts, Kernel, Position};
use ringfence::span::Span;
use std::fs;
use std::path::Path;

/// The first 2 MiB boundary that leaves room for QEMU's boot code.
const KERNEL: u64 = 0x4020_0000;
/// 128 MiB into RAM.
const INITRD: u64 = 0x4800_0000;
/// What QEMU rounds the place of the tree up to.
const DTB_ALIGN: u64 = 2 << 20;
/// Where an arm64 `Image` says how many bytes it uses.
const IMAGE_SIZE_AT: usize = 16;

/// The places of one boot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    kernel: Span,
    initrd: Span,
    dtb: Span,
}

impl Layout {
    /// Learns the sizes from the files.
    ///
    /// # Errors
    /// When a file cannot be read or the kernel is not an `Image`.
    pub(crate) fn of(kernel: &Path, initrd: &Path, dtb: &Path) -> Result<Self> {
        let len = |path: &Path| Ok::<u64, std::io::Error>(fs::metadata(path)?.len());
        let image = fs::read(kernel).with_context(|| format!("cannot read {}", kernel.display()))?;
        let size = image.get(IMAGE_SIZE_AT..IMAGE_SIZE_AT + 8).and_then(|field| field.try_into().ok());
        let size = u64::from_le_bytes(size.context("the kernel is not an arm64 Image")?);
        let span = |base, size| Span::new(base, size).context("an empty file");
        let initrd = span(INITRD, len(initrd)?)?;
        // QEMU leaves itself room to add nodes, and hands over the tree with that room.
        let room = (len(dtb)? + 10_000) * 2;
        let dtb = span(initrd.end().next_multiple_of(DTB_ALIGN), room)?;
        Ok(Self { kernel: span(KERNEL, size)?, initrd, dtb })
    }

    /// Returns the places as the tool's options.
    pub(crate) fn boot_map(&self) -> Vec<String> {
        let places = [("kernel", self.kernel), ("initrd", self.initrd), ("dtb", self.dtb)];
        let option = |(name, at): (&str, Span)| format!("--boot-map={name}={:#x}:{:#x}", at.base(), at.len());
        places.into_iter().map(option).collect()
    }

    /// Returns the places as the core takes them.
    pub(crate) fn facts(&self) -> BootFacts {
        let placed = |at| Some(Position::Fixed(at));
        let (at, image_size) = (self.kernel, self.kernel.len());
        BootFacts {
            kernel: Some(Kernel { position: Position::Fixed(at), text_offset: 0, image_size }),
            initrd: placed(self.initrd),
            dtb: placed(self.dtb),
            ..BootFacts::default()
        }
    }
}
