//! Whole pages of the firmware's: buffers for what is large, and the pieces that are held in its map.

use crate::refusal::{Result, refusal};
use core::ptr::NonNull;
use ringfence::efi::{EfiKind, PAGE, Piece};
use ringfence::span::Span;
use uefi::boot::{self, AllocateType, MemoryType};
use uefi::table::system_table_raw;
use uefi_raw::Status;
use uefi_raw::table::boot::{AllocateType as RawType, BootServices};

/// Bytes in pages of their own (`EfiLoaderData`): a kernel or an initrd must not come out of the heap.
pub(crate) struct Pages {
    at: NonNull<u8>,
    len: usize,
    count: usize,
}

impl Pages {
    /// Takes pages for `len` bytes, all zero.
    pub(crate) fn new(len: usize, what: &str) -> Result<Self> {
        let count = len.max(1).div_ceil(PAGE as usize);
        let at = boot::allocate_pages(AllocateType::AnyPages, MemoryType::LOADER_DATA, count)
            .map_err(|why| refusal!("no memory for {len} bytes of {what} ({})", why.status()))?;
        // SAFETY: `count` fresh pages, which nothing else uses.
        unsafe { at.write_bytes(0, count * PAGE as usize) };
        Ok(Self { at, len, count })
    }

    /// Returns the bytes, to be filled.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: `new` took and wrote at least `len` bytes, which live as long as `self`, borrowed for
        // writing.
        unsafe { core::slice::from_raw_parts_mut(self.at.as_ptr(), self.len) }
    }

    /// Drops all bytes from `len` on.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Keeps the pages as long as boot services last.
    pub(crate) fn leak(self) -> &'static [u8] {
        self.leak_mut()
    }

    /// Returns the same, to be filled.
    pub(crate) fn leak_mut(self) -> &'static mut [u8] {
        let pages = core::mem::ManuallyDrop::new(self);
        // SAFETY: as in `bytes_mut`, and nothing else frees the pages or has a reference into them.
        unsafe { core::slice::from_raw_parts_mut(pages.at.as_ptr(), pages.len) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: these pages came from `new`, and no reference into them outlives `self`.
        let _ = unsafe { boot::free_pages(self.at, self.count) };
    }
}

fn services() -> Option<NonNull<BootServices>> {
    // SAFETY: the firmware's own table, set by the entry of this image.
    NonNull::new(unsafe { system_table_raw()?.as_ref() }.boot_services)
}

/// Takes a piece of the map, at exactly its address.
pub(crate) fn take(piece: Piece) -> core::result::Result<(), Status> {
    let ty = match piece.kind {
        EfiKind::Reserved => MemoryType::RESERVED,
        EfiKind::Unusable => MemoryType::UNUSABLE,
        EfiKind::BootData => MemoryType::BOOT_SERVICES_DATA,
        _ => return Err(Status::INVALID_PARAMETER),
    };
    let services = services().ok_or(Status::UNSUPPORTED)?;
    let mut at = piece.span.base();
    // SAFETY: boot services last until the kernel's stub ends them.
    let call = unsafe { services.as_ref() }.allocate_pages;
    // Not through `boot::allocate_pages`, which does not give away the page at address 0.
    // SAFETY: takes unused pages; the memory is never touched.
    match unsafe { call(RawType::ADDRESS, ty, count(piece.span), &mut at) } {
        Status::SUCCESS => Ok(()),
        why => Err(why),
    }
}

/// Gives back a piece that [`take`] has taken.
pub(crate) fn give_back(span: Span) {
    let Some(services) = services() else { return };
    // SAFETY: boot services last until the kernel's stub ends them.
    let call = unsafe { services.as_ref() }.free_pages;
    // SAFETY: the piece was only ever held: we have given out no address in it.
    let _ = unsafe { call(span.base(), count(span)) };
}

fn count(span: Span) -> usize {
    (span.len() / PAGE) as usize
}

/// Returns the bytes of a span that a boot loader has filled. The firmware maps all memory that it gives
/// away.
pub(crate) fn loaded_by_loader(span: Span) -> Option<&'static [u8]> {
    let len = usize::try_from(span.len()).ok()?;
    // SAFETY: the caller has seen in the EFI map that a loader has allocated all of it; only that
    // loader, which is done, writes to it as long as boot services last.
    (span.base() != 0).then(|| unsafe { core::slice::from_raw_parts(span.base() as *const u8, len) })
}
