//! Stage 1 translation tables for an identity map: 4 KiB granule, 1 GiB and 2 MiB blocks, 4 KiB pages.
//!
//! Source: Arm Architecture Reference Manual (DDI 0487), D8 "The AArch64 Virtual Memory System Architecture".
//! A map is built once, beside the one in use, and never edited while the MMU walks it: so there is no way to
//! take a mapping out again, and asking for the same page twice is an error.

mod builder;
mod descriptor;
#[cfg(test)]
mod tests;

use core::fmt;

pub use builder::Builder;
pub use descriptor::{Access, MAIR, Regime, block, control, translation_control};

/// Bytes in a page, and in a table.
pub const PAGE: u64 = 4096;
/// Descriptors in a table.
pub const ENTRIES: usize = 512;

/// One translation table, at any level.
#[repr(C, align(4096))]
#[derive(Clone)]
pub struct Table(pub [u64; ENTRIES]);

impl Table {
    /// A table in which nothing is mapped.
    pub const EMPTY: Self = Self([0; ENTRIES]);
}

/// Why a span cannot be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// The ends are not multiples of a page; rounding is the caller's decision.
    Unaligned {
        /// The first address.
        base: u64,
    },
    /// The span ends beyond what this CPU, or a 48-bit map, can address.
    BeyondAddressSize {
        /// The end, exclusive.
        end: u64,
        /// Address bits that can be used.
        bits: u32,
    },
    /// Something is mapped there already.
    AlreadyMapped {
        /// Where the run of blocks or pages starts of which at least one was taken.
        address: u64,
    },
    /// No table is left in the pool.
    OutOfTables {
        /// How many the pool has.
        pool: usize,
    },
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unaligned { base } => write!(f, "the span at {base:#x} is not made of 4 KiB pages"),
            Self::BeyondAddressSize { end, bits } => {
                write!(f, "a span ends at {end:#x}, beyond the {bits} address bits of this CPU")
            }
            Self::AlreadyMapped { address } => write!(f, "{address:#x} would be mapped twice"),
            Self::OutOfTables { pool } => write!(f, "the map needs more than its {pool} tables"),
        }
    }
}

impl core::error::Error for MapError {}

/// Returns the physical address bits for the value of `ID_AA64MMFR0_EL1.PARange`, at most the 48 that a 4 KiB
/// granule without FEAT_LPA2 can describe.
#[must_use]
pub const fn address_bits(pa_range: u64) -> u32 {
    match pa_range & 0xf {
        0 => 32,
        1 => 36,
        2 => 40,
        3 => 42,
        4 => 44,
        _ => 48,
    }
}
