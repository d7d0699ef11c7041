//! Physical memory as Rust slices: the one place where an address becomes a reference.

use super::asm::Symbols;
use alloc::vec::Vec;
use ringfence::span::Span;
use ringfence_boot::paging::{MapError, PAGE, Table};
use ringfence_boot::ring::BUILD_ID_LEN;

/// The static pool of the first map.
pub(super) fn early_tables(symbols: &Symbols) -> &'static mut [Table] {
    let count = (symbols.early_tables_end - symbols.early_tables) / PAGE;
    // SAFETY: the linker script sets this page-aligned memory apart, nobody else takes it, and every content is a
    // valid table; called once, by the entry code.
    unsafe { core::slice::from_raw_parts_mut(symbols.early_tables as *mut Table, count as usize) }
}

/// The static pool of the second map, which is built before there is a heap.
pub(super) fn second_tables(symbols: &Symbols) -> &'static mut [Table] {
    let count = (symbols.second_tables_end - symbols.second_tables) / PAGE;
    // SAFETY: as for the first pool; only called before the second map is entered, by one caller at a time.
    unsafe { core::slice::from_raw_parts_mut(symbols.second_tables as *mut Table, count as usize) }
}

/// Tables on the heap, with any content: the builder empties each one that it takes.
pub(super) fn tables(count: usize) -> Result<Vec<Table>, MapError> {
    let mut tables = Vec::new();
    tables.try_reserve_exact(count).map_err(|_| MapError::OutOfTables { pool: 0 })?;
    // SAFETY: the capacity is reserved, and every content of memory is a valid array of integers.
    unsafe { tables.set_len(count) };
    Ok(tables)
}

/// The memory of the log ring.
pub(super) fn ring(symbols: &Symbols) -> &'static mut [u8] {
    let len = symbols.ring_end - symbols.ring_begin;
    // SAFETY: set apart by the linker script for the ring alone; called once, by `structured::start`.
    unsafe { core::slice::from_raw_parts_mut(symbols.ring_begin as *mut u8, len as usize) }
}

/// The SHA-1 that the linker made of this very build.
pub(super) fn build_id(symbols: &Symbols) -> &'static [u8] {
    /// Bytes of an ELF note before its description: three words and the name "GNU\0".
    const NOTE_HEADER: u64 = 16;
    // SAFETY: the linker script keeps the note, 36 bytes, in the constants.
    unsafe { core::slice::from_raw_parts((symbols.build_id + NOTE_HEADER) as *const u8, BUILD_ID_LEN) }
}

/// The bytes of a span of RAM that the loader filled.
///
/// # Safety
/// The span is mapped, and nothing writes to it while the slice is used.
pub(super) unsafe fn bytes(span: Span) -> &'static [u8] {
    // SAFETY: by this function's contract; bytes have no invalid value.
    unsafe { core::slice::from_raw_parts(span.base() as *const u8, span.len() as usize) }
}

/// The bytes of a span of RAM, to be written.
///
/// # Safety
/// The span is mapped for writing, and nobody else reads or writes it while the slice is used.
pub(super) unsafe fn bytes_to_fill(span: Span) -> &'static mut [u8] {
    // SAFETY: by this function's contract; bytes have no invalid value.
    unsafe { core::slice::from_raw_parts_mut(span.base() as *mut u8, span.len() as usize) }
}
