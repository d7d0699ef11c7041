//! The stage's own memory, as the linker script sets it apart.

use super::asm::Symbols;
use alloc::vec::Vec;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};
use ringfence::kernel_image::HEADER_LEN;
use ringfence::payload::console_slot;
use ringfence_boot::paging::{MapError, PAGE, Table};
use ringfence_boot::ring::BUILD_ID_LEN;

/// What is set apart, to be taken once.
pub(super) struct Reserved {
    /// The memory of the structured log.
    pub ring: &'static mut [u8],
    /// The memory of the heap.
    pub heap: &'static mut [MaybeUninit<u8>],
}

impl Reserved {
    /// Takes what is set apart; `None` from the second time on. Not before the caches are on, because the
    /// flag is an atomic.
    pub(super) fn take() -> Option<Self> {
        static TAKEN: AtomicBool = AtomicBool::new(false);
        if TAKEN.swap(true, Ordering::Relaxed) {
            return None;
        }
        let symbols = Symbols::get();
        let (ring, len) = (symbols.ring_begin as *mut u8, symbols.ring_end - symbols.ring_begin);
        // SAFETY: the linker script sets it apart for the ring alone, and it is taken once.
        let ring = unsafe { core::slice::from_raw_parts_mut(ring, len as usize) };
        let (heap, len) = (symbols.heap_begin as *mut MaybeUninit<u8>, symbols.heap_end - symbols.heap_begin);
        // SAFETY: as above, for the heap.
        let heap = unsafe { core::slice::from_raw_parts_mut(heap, len as usize) };
        Some(Self { ring, heap })
    }
}

/// Returns the tables of the first map.
///
/// # Safety
/// Called once, by what makes that map.
pub(super) unsafe fn early_tables(symbols: &Symbols) -> &'static mut [Table] {
    let count = (symbols.early_tables_end - symbols.early_tables) / PAGE;
    // SAFETY: the linker script sets this page-aligned memory apart, it is taken once by this function's
    // contract, and every content is a valid table.
    unsafe { core::slice::from_raw_parts_mut(symbols.early_tables as *mut Table, count as usize) }
}

/// Returns tables on the heap, with any content: the builder empties each one that it takes.
pub(super) fn tables(count: usize) -> Result<Vec<Table>, MapError> {
    let mut tables: Vec<Table> = Vec::new();
    tables.try_reserve_exact(count).map_err(|_| MapError::OutOfTables { pool: 0 })?;
    let first = tables.as_mut_ptr();
    // SAFETY: nothing is executed. To the compiler the block may have written what it is given a pointer to,
    // so that the content is whatever the memory holds, and no longer undefined.
    unsafe { core::arch::asm!("/* {0} */", in(reg) first, options(nostack, preserves_flags)) };
    // SAFETY: the capacity is reserved, and every content of memory is a valid array of integers.
    unsafe { tables.set_len(count) };
    Ok(tables)
}

/// Returns the header of the stage's own image.
pub(super) fn header() -> &'static [u8; HEADER_LEN] {
    // SAFETY: the image starts with it, and it is mapped from the first map on and never written.
    unsafe { &*(Symbols::get().layout().base as *const [u8; HEADER_LEN]) }
}

/// Returns the console that the image was given when it was made.
pub(super) fn console_slot() -> &'static [u8] {
    let slot = (Symbols::get().layout().base + console_slot::SLOT.start as u64) as *const u8;
    // SAFETY: the first page of the image, which is mapped from the first map on and never written.
    unsafe { core::slice::from_raw_parts(slot, console_slot::SLOT.len()) }
}

/// Returns the SHA-1 that the linker made of this very build.
pub(super) fn build_id() -> &'static [u8; BUILD_ID_LEN] {
    /// Bytes of an ELF note before its description: three words and the name "GNU\0".
    const NOTE_HEADER: u64 = 16;
    // SAFETY: the linker script keeps the note, 36 bytes, in the constants.
    unsafe { &*((Symbols::get().build_id + NOTE_HEADER) as *const [u8; BUILD_ID_LEN]) }
}
