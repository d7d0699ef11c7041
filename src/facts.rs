//! Boot facts: what the device tree does not say about this boot.

use crate::efi::EfiMap;
use crate::span::{GIB, Span, align_down};
use alloc::vec::Vec;

/// The part of memory that holds kernel and initrd, in bytes.
const REACH: u64 = 32 * GIB;

/// Where the things of one boot lie. Everything is optional: the tool usually knows none of it.
#[derive(Clone, Debug, Default)]
pub struct BootFacts {
    /// The running stage: image, heap and stacks.
    pub stage: Option<Span>,
    /// The bundle that holds the payload, as the loader placed it.
    pub bundle: Option<Span>,
    /// The device tree blob as the loader placed it.
    pub dtb: Option<Placed>,
    /// The kernel that will be entered.
    pub kernel: Option<Kernel>,
    /// The initial ramdisk that the kernel will be given. When absent, `/chosen` is believed.
    pub initrd: Option<Placed>,
    /// RAM banks that replace what `/memory` says; empty means that `/memory` is believed.
    pub ram: Vec<Span>,
    /// What the UEFI firmware says, in an EFI boot.
    pub efi: Option<EfiFacts>,
    /// Leave a report of the enforcement in `/chosen/ringfence`.
    pub report: bool,
    /// The identity of the policy as it travelled (`policy::digest`), for the report.
    pub policy_digest: Option<[u8; 32]>,
}

/// What the tree does not say of an EFI boot.
#[derive(Clone, Debug, Default)]
pub struct EfiFacts {
    /// The EFI memory map, without what ringfence itself holds in it.
    pub map: EfiMap,
}

/// A kernel image and what it needs of its place (Documentation/arch/arm64/booting.rst).
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// Where the bytes of the image file lie now.
    pub at: Span,
    /// Offset in bytes from a 2 MiB boundary at which the image must start (`text_offset`).
    pub text_offset: u64,
    /// Bytes that the kernel uses from its base, BSS and early tables included (`image_size`).
    pub image_size: u64,
    /// Whether the planner may choose another place for it.
    pub movable: bool,
}

impl Kernel {
    /// Where the bytes of a packed kernel at `at` lie, for [`Kernel::at`]: never well, so that it is not left in place.
    /// An odd base says so; the first byte is of no account.
    #[must_use]
    pub fn packed_at(at: Span) -> Span {
        Span::from_ends(at.base() | 1, at.end()).unwrap_or(at)
    }

    /// The bytes that the running kernel owns, were its image at `base`. `None` when that wraps.
    #[must_use]
    pub fn footprint_at(&self, base: u64) -> Option<Span> {
        Span::new(base, self.image_size.max(self.at.len()))
    }
}

/// Tell whether a kernel is promised an initrd that lies there: in one window of 32 GiB from a 1 GiB boundary that holds
/// both (Documentation/arch/arm64/booting.rst).
#[must_use]
pub fn within_reach(kernel: Span, initrd: Span) -> bool {
    let base = align_down(kernel.base().min(initrd.base()), GIB);
    kernel.end().max(initrd.end()) - base <= REACH
}

/// Something that lies somewhere: the initial ramdisk, the device tree blob.
#[derive(Clone, Copy, Debug)]
pub struct Placed {
    /// Where its bytes lie now.
    pub at: Span,
    /// Whether the planner may choose another place for it.
    pub movable: bool,
}
