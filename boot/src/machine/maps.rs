//! The stage's maps: the first, made before the caches are on, and those that follow it.

use super::asm::{self, EntryState, Symbols};
use super::memory;
use aarch64_cpu::registers::{ID_AA64MMFR0_EL1, Readable};
use alloc::vec::Vec;
use ringfence::span::Span;
use ringfence_boot::layout::Layout;
use ringfence_boot::paging::{self, Access, Builder, MapError, PAGE, Regime, Table, address_bits};
use ringfence_boot::regions::{self, Wanted};

/// What `asm/entry.S` turns the first map on with.
#[repr(C)]
pub(super) struct FirstMap {
    root: u64,
    tcr: u64,
}

/// Make the first map, of the stage alone, where `asm/first.S` cannot: at any page and across any boundary.
///
/// Runs with MMU and caches off and before the relocations. On failure the root is 0, where no table lies, and
/// the first fetch through it faults into the parking loop.
#[unsafe(no_mangle)]
extern "C" fn early_map(regime: u64) -> FirstMap {
    let symbols = Symbols::get();
    build_first(regime, &symbols).unwrap_or(FirstMap { root: 0, tcr: 0 })
}

fn build_first(regime: u64, symbols: &Symbols) -> Result<FirstMap, MapError> {
    let layout = symbols.layout();
    let bits = physical_bits();
    let pool = memory::early_tables(symbols);
    let mut builder =
        Builder::new(pool, symbols.early_tables, layout.end, bits, kind(regime), asm::clear_table_uncached)?;
    for (span, access) in layout.first_parts().into_iter().flatten() {
        builder.map(span, access)?;
    }
    let map = FirstMap { root: builder.root(), tcr: control(regime, builder.virtual_bits(), bits) };
    let used = symbols.early_tables + builder.tables_used() as u64 * PAGE;
    let root_end = symbols.early_tables + builder.root_bytes();
    // SAFETY: the used part of the root table was written with the caches off, by the builder above.
    unsafe { asm::drop_lines(symbols.early_tables, root_end) };
    // SAFETY: so were the tables behind it; there is always one, because a root holds no page of this image.
    unsafe { asm::drop_lines(symbols.early_tables + PAGE, used) };
    Ok(map)
}

/// Make and enter the second map: the whole stage with its heap, constants read-only from now on, and what little
/// must be seen to learn more.
///
/// # Errors
/// Any [`MapError`]; the first map stays in use.
pub(super) fn enter_second(
    entry: &EntryState,
    symbols: &Symbols,
    others: [Option<(Span, Access)>; 2],
) -> Result<(), MapError> {
    let layout = symbols.layout();
    let bits = physical_bits();
    let limit = others.iter().flatten().map(|(span, _)| span.end()).fold(layout.end, u64::max);
    let pool = memory::second_tables(symbols);
    let mut builder =
        Builder::new(pool, symbols.second_tables, limit, bits, kind(entry.regime), asm::clear_table_cached)?;
    regions::fill(&mut builder, &layout, &[])?;
    for (span, access) in others.into_iter().flatten() {
        builder.map(span, access)?;
    }
    let (root, tcr) = (builder.root(), control(entry.regime, builder.virtual_bits(), bits));
    // SAFETY: `fill` mapped the whole stage; the pool is static and nobody else's.
    unsafe { asm::switch_map(entry.regime, root, tcr) };
    Ok(())
}

/// The map in use, with the memory that its tables live in.
pub(super) struct Map {
    _tables: Vec<Table>,
    spans: Vec<(Span, Access)>,
}

impl Map {
    /// Build a map of the stage and of what is wanted, and go over to it. The one before can then be dropped.
    ///
    /// # Errors
    /// Any [`MapError`]; the map in use stays.
    pub(super) fn enter(entry: &EntryState, layout: &Layout, wanted: &Wanted<'_>) -> Result<Self, MapError> {
        let spans = regions::cut(layout, wanted);
        let bits = physical_bits();
        let mut tables = memory::tables(regions::tables_needed(spans.len()))?;
        let base = tables.as_ptr() as u64;
        let limit = regions::limit(layout, &spans);
        let mut builder =
            Builder::new(&mut tables, base, limit, bits, kind(entry.regime), asm::clear_table_cached)?;
        regions::fill(&mut builder, layout, &spans)?;
        let (root, tcr) = (builder.root(), control(entry.regime, builder.virtual_bits(), bits));
        // SAFETY: `fill` mapped the whole stage, heap and stack included, by the layout of the linker script;
        // the tables live as long as the `Map`, which is dropped only after the next one is entered.
        unsafe { asm::switch_map(entry.regime, root, tcr) };
        Ok(Self { _tables: tables, spans })
    }

    /// Tell whether all of `span` is memory that can be written through this map.
    pub(super) fn is_writable(&self, span: Span) -> bool {
        regions::covered(&self.spans, span, Access::Data)
    }
}

fn kind(regime: u64) -> Regime {
    if regime == 2 { Regime::El2 } else { Regime::El1 }
}

fn physical_bits() -> u32 {
    address_bits(ID_AA64MMFR0_EL1.read(ID_AA64MMFR0_EL1::PARange))
}

/// TCR for a map of `bits` address bits.
fn control(regime: u64, bits: u32, physical: u32) -> u64 {
    let size = match physical {
        32 => 0,
        36 => 1,
        40 => 2,
        42 => 3,
        44 => 4,
        _ => 5,
    };
    let regime = kind(regime);
    let shift = match regime {
        Regime::El1 => 32,
        Regime::El2 => 16,
    };
    paging::control(regime) | u64::from(64 - bits) | size << shift
}
