//! The stage's maps after the first, and the memory of others as Rust slices: the one place where an address
//! becomes a reference.

use super::asm::{self, EntryState};
use super::memory;
use aarch64_cpu::registers::{ID_AA64MMFR0_EL1, Readable};
use alloc::vec::Vec;
use core::mem::{self, ManuallyDrop};
use ringfence::span::Span;
use ringfence_boot::layout::Layout;
use ringfence_boot::paging::{Access, Builder, MapError, Regime, Table, address_bits, translation_control};
use ringfence_boot::regions::{self, Wanted};

/// The map in use.
pub(super) struct Maps {
    regime: Regime,
    layout: Layout,
    /// The tables that the processor walks: never freed while they are in use, whatever becomes of this
    /// value.
    tables: ManuallyDrop<Vec<Table>>,
    spans: Vec<(Span, Access)>,
    /// What was read, or given out for reading: in every map from then on, outside of carveouts.
    lent: Vec<Span>,
}

impl Maps {
    /// Starts with the first map in use.
    pub(super) fn new(entry: &EntryState, layout: Layout) -> Self {
        Self {
            regime: entry.regime,
            layout,
            tables: ManuallyDrop::new(Vec::new()),
            spans: Vec::new(),
            lent: Vec::new(),
        }
    }

    /// Builds a map of the stage and of what is wanted beside the one in use, and goes over to it.
    ///
    /// # Errors
    /// Any [`MapError`]; the map in use stays.
    pub(super) fn enter(&mut self, wanted: &Wanted<'_>) -> Result<(), MapError> {
        let read: Vec<Span> = wanted.read.iter().chain(&self.lent).copied().collect();
        let spans = regions::cut(&self.layout, &Wanted { read: &read, ..*wanted });
        let bits = physical_bits();
        let mut tables = memory::tables(regions::tables_needed(spans.len()))?;
        let base = tables.as_ptr() as u64;
        let limit = regions::limit(&self.layout, &spans);
        let mut builder = Builder::new(&mut tables, base, limit, bits, self.regime, asm::clear_table_cached)?;
        regions::fill(&mut builder, &self.layout, &spans)?;
        let tcr = translation_control(self.regime, builder.virtual_bits(), bits);
        let root = builder.root();
        // SAFETY: `fill` mapped the whole stage, heap and stack included, by the layout of the linker script,
        // and what was lent outside of carveouts; the tables stay until the next map is in use.
        unsafe { asm::switch_map(self.regime, root, tcr) };
        let before = mem::replace(&mut self.tables, ManuallyDrop::new(tables));
        drop(ManuallyDrop::into_inner(before));
        self.spans = spans;
        Ok(())
    }

    /// Writes back and drops what the caches have of the pages that the next map leaves out for these
    /// carveouts: the loader's writes to them must not come later, from nowhere.
    #[inline(never)]
    pub(super) fn clean_out(&self, carveouts: &[Span]) {
        regions::cached(&self.spans, carveouts).for_each(asm::clean_span);
    }

    /// Returns the bytes of a span that the map has for reading, or `None` where it has less. They are in
    /// every later map.
    pub(super) fn read(&mut self, span: Span) -> Option<&'static [u8]> {
        if !regions::covered(&self.spans, span, Access::ReadOnly) {
            return None;
        }
        self.lent.push(span);
        // SAFETY: mapped for reading now and, by `lent`, from now on; the stage writes to memory that is not
        // its own only through `write`, which guarantees that; the loader is done. Bytes have no invalid
        // value, and what is parsed and must stay as it was checked is copied (`Backend::keep`).
        Some(unsafe { core::slice::from_raw_parts(span.base() as *const u8, span.len() as usize) })
    }

    /// Returns a copy of the bytes of a span, which nothing else can write to, or `None` where the map does
    /// not have them for reading, or the heap has no room.
    pub(super) fn copy(&mut self, span: Span) -> Option<Vec<u8>> {
        let len = usize::try_from(span.len()).ok()?;
        let mut copy: Vec<u8> = Vec::new();
        copy.try_reserve_exact(len).ok()?;
        if !regions::covered(&self.spans, span, Access::ReadOnly) {
            return None;
        }
        self.lent.push(span);
        // SAFETY: mapped for reading, as just checked, and apart from the heap, which the map has as data;
        // the capacity is reserved. No reference is made to memory that something else may write to.
        unsafe {
            core::ptr::copy_nonoverlapping(span.base() as *const u8, copy.as_mut_ptr(), len);
            copy.set_len(len);
        }
        Some(copy)
    }

    /// Returns the bytes of a span where they are now, or `None` where the map has none.
    pub(super) fn view(&self, span: Span) -> Option<&[u8]> {
        let is_mapped = regions::readable(&self.spans, span);
        // SAFETY: mapped as memory for as long as this map is borrowed, which makes no other meanwhile; who
        // writes to memory by `write` promises that nothing refers to it. Bytes have no invalid value.
        is_mapped
            .then(|| unsafe { core::slice::from_raw_parts(span.base() as *const u8, span.len() as usize) })
    }

    /// Returns the bytes of a span, to be written, or `None` where the map does not have it as writable
    /// memory.
    ///
    /// # Safety
    /// No reference to any of these bytes is used from now on, while the slice is.
    pub(super) unsafe fn write(&self, span: Span) -> Option<&'static mut [u8]> {
        let is_writable = regions::covered(&self.spans, span, Access::Data);
        // SAFETY: mapped for writing; used alone by this function's contract. Bytes have no invalid value.
        is_writable
            .then(|| unsafe { core::slice::from_raw_parts_mut(span.base() as *mut u8, span.len() as usize) })
    }

    /// Returns whether all of `span` is memory that can be written through this map.
    pub(super) fn is_writable(&self, span: Span) -> bool {
        regions::covered(&self.spans, span, Access::Data)
    }
}

/// Returns the physical address bits of this processor.
pub(super) fn physical_bits() -> u32 {
    address_bits(ID_AA64MMFR0_EL1.read(ID_AA64MMFR0_EL1::PARange))
}
