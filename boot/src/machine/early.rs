//! The first map where `asm/first.S` cannot make it: at any page and across any boundary.
//!
//! Runs with MMU and caches off and before the relocations.

use super::asm::{self, Symbols};
use super::{maps, memory};
use ringfence_boot::paging::{Builder, MapError, PAGE, Regime, translation_control};
use ringfence_boot::regions;

/// What `asm/entry.S` turns the first map on with.
#[repr(C)]
pub(super) struct FirstMap {
    root: u64,
    tcr: u64,
}

/// Makes the first map, of the stage alone. On failure the root is 0, where no table is: `asm/entry.S` parks.
#[unsafe(no_mangle)]
extern "C" fn early_map(regime: Regime) -> FirstMap {
    build(regime, &Symbols::get()).unwrap_or(FirstMap { root: 0, tcr: 0 })
}

fn build(regime: Regime, symbols: &Symbols) -> Result<FirstMap, MapError> {
    let layout = symbols.layout();
    let bits = maps::physical_bits();
    // SAFETY: the entry code calls `early_map` once, and nothing else makes a first map.
    let pool = unsafe { memory::early_tables(symbols) };
    let mut builder =
        Builder::new(pool, symbols.early_tables, layout.end, bits, regime, asm::clear_table_uncached)?;
    // What follows the constants in the file is at most as long as the data and BSS that it becomes part of.
    let file_data = symbols.early_tables - layout.data_begin;
    for (span, access) in layout.first_parts(file_data, regions::FIRST_HEAP).into_iter().flatten() {
        builder.map(span, access)?;
    }
    let tcr = translation_control(regime, builder.virtual_bits(), bits);
    let map = FirstMap { root: builder.root(), tcr };
    let used = symbols.early_tables + builder.tables_used() as u64 * PAGE;
    // SAFETY: the tables were written with the caches off, by the builder above.
    unsafe { asm::drop_lines(symbols.early_tables, used) };
    Ok(map)
}
