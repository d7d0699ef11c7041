//! Where QEMU puts kernel, initrd and device tree when it boots Linux by itself with 4 GiB of RAM.

use crate::machine::{Entry, Loaded};
use anyhow::{Context, Result};
use ringfence::facts::{BootFacts, Kernel, Position};
use ringfence::span::Span;
use std::fs;
use std::path::{Path, PathBuf};

/// In RAM, after the tree of QEMU's own that it leaves at the start.
const START_AT: u64 = 0x4010_0000;
/// Loads x0 from the first of two words after it and x4 from the second, clears x1 to x3, and jumps to x4.
const START: [u32; 6] = [0x5800_00c0, 0xaa1f_03e1, 0xaa1f_03e2, 0xaa1f_03e3, 0x5800_0084, 0xd61f_0080];
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
        let image = fs::read(kernel).with_context(|| format!("cannot read {}", kernel.display()))?;
        let size = image.get(IMAGE_SIZE_AT..IMAGE_SIZE_AT + 8).and_then(|field| field.try_into().ok());
        let size = u64::from_le_bytes(size.context("the kernel is not an arm64 Image")?);
        let span = |base, size| Span::new(base, size).context("an empty file");
        let initrd = Self::initrd_of(initrd)?;
        // QEMU leaves itself room to add nodes, and hands over the tree with that room.
        let room = (fs::metadata(dtb)?.len() + 10_000) * 2;
        let dtb = span(initrd.end().next_multiple_of(DTB_ALIGN), room)?;
        Ok(Self { kernel: span(KERNEL, size)?, initrd, dtb })
    }

    /// Returns the same with the tree as it is, and no room after it.
    pub(crate) fn exact(self, dtb: &Path) -> Result<Self> {
        let dtb = Span::new(self.dtb.base(), fs::metadata(dtb)?.len()).context("an empty file")?;
        Ok(Self { dtb, ..self })
    }

    /// Returns where an initrd goes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn initrd_of(initrd: &Path) -> Result<Span> {
        Span::new(INITRD, fs::metadata(initrd)?.len()).context("an empty file")
    }

    /// Returns an entry to the kernel with the tree byte for byte, which QEMU's own loader does not keep: a
    /// few instructions set the registers as the boot protocol has them.
    ///
    /// # Errors
    /// When the instructions cannot be written.
    pub(crate) fn entry(
        &self,
        start: &Path,
        kernel: PathBuf,
        initrd: PathBuf,
        dtb: PathBuf,
    ) -> Result<Entry> {
        let mut code: Vec<u8> = START.iter().flat_map(|instruction| instruction.to_le_bytes()).collect();
        code.extend([self.dtb.base(), self.kernel.base()].into_iter().flat_map(u64::to_le_bytes));
        fs::write(start, code).with_context(|| start.display().to_string())?;
        let places = [START_AT, self.kernel.base(), self.initrd.base(), self.dtb.base()];
        let files = [start.to_owned(), kernel, initrd, dtb].into_iter().zip(places);
        let loaded = files.map(|(file, at)| Loaded { file, at }).collect();
        Ok(Entry::Raw { loaded, start: START_AT })
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
