//! Writes a bundle whose kernel can run in place.

use alloc::string::String;
use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use super::{FitError, MAX_LEN, POLICY_COMPATIBLE};
use crate::fdt::{NewNode, build};
use crate::kernel_image::{Header, PLACEMENT_ALIGN};
use crate::span::{KIB, align_up};

/// Alignment in bytes of policy and device tree: Linux reads a device tree at 8-byte boundaries only.
pub const BLOB_ALIGN: u64 = 8;
/// Alignment in bytes of the ramdisk: the largest page that Linux has on arm64, since it frees the ramdisk
/// by pages.
pub const RAMDISK_ALIGN: u64 = 64 * KIB;

/// Room in bytes after the device tree. With `fdt_high` set to leave the tree in place, U-Boot's `bootm`
/// writes memory, bootargs and initrd into it there, and grows it by `CONFIG_SYS_FDT_PAD` (12 KiB).
pub const FDT_ROOM: u64 = 16 * KIB;

/// What the description of a kernel begins with, before its release.
pub const LINUX: &str = "Linux ";

/// The contents of a bundle.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pack<'a> {
    /// An uncompressed arm64 `Image`.
    pub kernel: &'a [u8],
    /// Its release, such as `6.6.92`, where it is known: the stage judges for that kernel.
    pub release: Option<&'a str>,
    /// The initial ramdisk.
    pub ramdisk: Option<&'a [u8]>,
    /// The device tree.
    pub fdt: Option<&'a [u8]>,
    /// Overlays, which are applied to the device tree at boot, in this order.
    pub overlays: &'a [&'a [u8]],
    /// The policy blob.
    pub policy: Option<&'a [u8]>,
    /// Seconds since 1970 that `dumpimage` shows. With zero, the same input gives the same bytes.
    pub timestamp: u32,
}

/// The layout of a bundle, as offsets in bytes from its start.
///
/// Small images come first, and room after the device tree for what a loader adds to it. Then follow the
/// kernel at a multiple of 2 MiB plus its `text_offset`, room for its BSS (which it zeroes before it reads
/// any reservation), and the ramdisk. A bundle at a 2 MiB-aligned address boots without copying anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The policy blob.
    pub policy: u64,
    /// The device tree.
    pub fdt: u64,
    /// The first overlay; the others follow, each at a multiple of [`BLOB_ALIGN`].
    pub overlays: u64,
    /// The kernel.
    pub kernel: u64,
    /// The ramdisk.
    pub ramdisk: u64,
    /// Length of the bundle.
    pub len: u64,
}

impl Pack<'_> {
    /// Writes the bundle, with a SHA-256 for each image.
    ///
    /// # Errors
    /// [`FitError::Kernel`] when the kernel is not an arm64 `Image`, [`FitError::OverlaysAlone`],
    /// [`FitError::TooLarge`].
    pub fn build(&self) -> Result<Vec<u8>, FitError> {
        self.build_with_layout().map(|(bundle, _)| bundle)
    }

    /// Writes the bundle and returns its layout.
    ///
    /// # Errors
    /// As [`Pack::build`].
    pub fn build_with_layout(&self) -> Result<(Vec<u8>, Layout), FitError> {
        if self.fdt.is_none() && !self.overlays.is_empty() {
            return Err(FitError::OverlaysAlone);
        }
        let header = Header::parse(self.kernel)?;
        // All values have a fixed width, so the tree's length does not depend on the layout in it.
        let nowhere = Layout { policy: 0, fdt: 0, overlays: 0, kernel: 0, ramdisk: 0, len: 0 };
        let draft = build(&self.tree(&nowhere), 0, &[])?;
        let layout = self.layout(&header, draft.len() as u64).ok_or(FitError::TooLarge)?;
        let mut bundle = Vec::new();
        let len = usize::try_from(layout.len).map_err(|_| FitError::TooLarge)?;
        bundle.try_reserve_exact(len).map_err(|_| FitError::TooLarge)?;
        bundle.extend(build(&self.tree(&layout), 0, &[])?);
        let mut put = |offset: u64, data: Option<&[u8]>| {
            if let Some(data) = data {
                bundle.resize(usize::try_from(offset).map_err(|_| FitError::TooLarge)?, 0);
                bundle.extend_from_slice(data);
            }
            Ok::<_, FitError>(())
        };
        put(layout.policy, self.policy)?;
        put(layout.fdt, self.fdt)?;
        for (offset, data) in self.placed_overlays(layout.overlays) {
            put(offset, Some(data))?;
        }
        put(layout.kernel, Some(self.kernel))?;
        put(layout.ramdisk, self.ramdisk)?;
        bundle.resize(len, 0);
        Ok((bundle, layout))
    }

    fn layout(&self, header: &Header, tree_len: u64) -> Option<Layout> {
        let len = |data: Option<&[u8]>| data.map_or(0, |data| data.len() as u64);
        let policy = align_up(tree_len, BLOB_ALIGN)?;
        let fdt = align_up(policy.checked_add(len(self.policy))?, BLOB_ALIGN)?;
        let fdt_end = fdt.checked_add(len(self.fdt))?;
        let overlays = align_up(fdt_end.checked_add(self.fdt_room())?, BLOB_ALIGN)?;
        // `MAX_LEN` bounds the sum below, so none of these can wrap.
        let small_end = self
            .placed_overlays(overlays)
            .last()
            .map_or(overlays, |(offset, data)| offset.saturating_add(data.len() as u64));
        let below_kernel = align_up(small_end.saturating_sub(header.text_offset()), PLACEMENT_ALIGN)?;
        let kernel = below_kernel.checked_add(header.text_offset())?;
        let kernel_end = kernel.checked_add(header.footprint(self.kernel.len() as u64))?;
        let ramdisk = align_up(kernel_end, RAMDISK_ALIGN)?;
        let end = ramdisk.checked_add(len(self.ramdisk))?;
        (end <= MAX_LEN as u64).then_some(Layout { policy, fdt, overlays, kernel, ramdisk, len: end })
    }

    /// Returns the bytes to leave free after the device tree. `bootm` also applies the overlays to it in
    /// place.
    fn fdt_room(&self) -> u64 {
        let overlays = self.overlays.iter().map(|overlay| overlay.len() as u64);
        if self.fdt.is_some() { overlays.fold(FDT_ROOM, u64::saturating_add) } else { 0 }
    }

    /// Returns the overlays with their offsets, the first of which is `offset`.
    fn placed_overlays(&self, mut offset: u64) -> impl Iterator<Item = (u64, &[u8])> {
        self.overlays.iter().map(move |&data| {
            let at = offset;
            offset = offset
                .saturating_add(data.len() as u64)
                .checked_next_multiple_of(BLOB_ALIGN)
                .unwrap_or(u64::MAX);
            (at, data)
        })
    }

    fn tree(&self, layout: &Layout) -> NewNode {
        // With `kernel_noload`, U-Boot starts the kernel in place, too.
        let description = match self.release {
            Some(release) => alloc::format!("{LINUX}{release}"),
            None => String::from(LINUX.trim_end()),
        };
        let kernel = image("kernel", &description, "kernel_noload", layout.kernel, self.kernel)
            .prop_str("os", "linux")
            .prop_u32("load", 0)
            .prop_u32("entry", 0);
        let mut images = NewNode::new("images").child(kernel);
        let mut config = NewNode::new("conf-1")
            .prop_str("description", "boot through ringfence")
            .prop_str("kernel", "kernel");
        if let Some(data) = self.ramdisk {
            let ramdisk = image("ramdisk", "initial ramdisk", "ramdisk", layout.ramdisk, data);
            images = images.child(ramdisk.prop_str("os", "linux"));
            config = config.prop_str("ramdisk", "ramdisk");
        }
        if let Some(data) = self.fdt {
            images = images.child(image("fdt", "device tree", "flat_dt", layout.fdt, data));
            let mut names = alloc::vec![String::from("fdt")];
            for (number, (offset, data)) in (1..).zip(self.placed_overlays(layout.overlays)) {
                let name = alloc::format!("overlay-{number}");
                images = images.child(image(&name, "device tree overlay", "flat_dt", offset, data));
                names.push(name);
            }
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            config = config.prop_strs("fdt", &names);
        }
        if let Some(data) = self.policy {
            let policy = image("policy", "ringfence policy", "flat_dt", layout.policy, data);
            images = images.child(policy.prop_str("compatible", POLICY_COMPATIBLE));
            config = config.prop_str("loadables", "policy");
        }
        NewNode::new("")
            .prop_u32("timestamp", self.timestamp)
            .prop_str("description", "ringfence bundle")
            .prop_u32("#address-cells", 1)
            .child(images)
            .child(NewNode::new("configurations").prop_str("default", "conf-1").child(config))
    }
}

fn image(name: &str, description: &str, kind: &str, position: u64, data: &[u8]) -> NewNode {
    let digest = Sha256::digest(data).to_vec();
    NewNode::new(name)
        .prop_str("description", description)
        .prop_str("type", kind)
        .prop_str("arch", "arm64")
        .prop_str("compression", "none")
        // `layout` keeps both below 2 GiB.
        .prop_u32("data-position", position as u32)
        .prop_u32("data-size", data.len() as u32)
        .child(NewNode::new("hash-1").prop_str("algo", "sha256").prop("value", digest))
}
