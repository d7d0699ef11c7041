//! Descriptor bits, in the two forms that the translation regimes want (DDI 0487, D8.3).

use super::PAGE;

/// Memory types by index: 0 Device-nGnRE, 1 Normal write-back, read and write allocate.
pub const MAIR: u64 = 0xff04;

const VALID: u64 = 1;
const TABLE_OR_PAGE: u64 = 1 << 1;
const NORMAL: u64 = 1 << 2;
const AP_EL0_OR_RES1: u64 = 1 << 6;
const AP_READ_ONLY: u64 = 1 << 7;
const INNER_SHAREABLE: u64 = 3 << 8;
const ACCESS_FLAG: u64 = 1 << 10;
const PXN: u64 = 1 << 53;
const UXN_OR_XN: u64 = 1 << 54;
const ADDRESS: u64 = 0x0000_ffff_ffff_f000;

/// The translation regime that walks the tables. The numbers are those of `asm/entry.S`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Regime {
    /// EL1&0.
    El1 = 1,
    /// EL2: one privilege level.
    El2 = 2,
    /// EL2&0, where `HCR_EL2.E2H` cannot be cleared: the registers of EL2, descriptors and control as at EL1.
    El2Host = 3,
}

impl Regime {
    /// Returns the exception level.
    #[must_use]
    pub const fn level(self) -> u64 {
        match self {
            Self::El1 => 1,
            Self::El2 | Self::El2Host => 2,
        }
    }

    /// Returns whether EL0 uses the same tables: then there are PXN and UXN, else one XN bit, and AP\[1\] is
    /// RES1.
    const fn has_el0(self) -> bool {
        !matches!(self, Self::El2)
    }
}

/// What a mapping allows. Nothing is ever writable and executable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read and execute.
    Code,
    /// Read.
    ReadOnly,
    /// Read and write.
    Data,
    /// Read and write device registers.
    Device,
}

/// Returns the attribute bits of a block or page descriptor.
pub(super) const fn attributes(regime: Regime, access: Access) -> u64 {
    let execute_never = match (regime.has_el0(), access) {
        // EL0 never executes what the stage owns.
        (true, Access::Code) => UXN_OR_XN,
        (true, _) => UXN_OR_XN | PXN,
        (false, Access::Code) => 0,
        (false, _) => UXN_OR_XN,
    };
    let fixed = if regime.has_el0() { 0 } else { AP_EL0_OR_RES1 };
    let kind = match access {
        Access::Code | Access::ReadOnly => NORMAL | INNER_SHAREABLE | AP_READ_ONLY,
        Access::Data => NORMAL | INNER_SHAREABLE,
        Access::Device => 0,
    };
    VALID | ACCESS_FLAG | execute_never | fixed | kind
}

/// Returns the descriptor of a 2 MiB block at address 0; another block's has its address beside it.
#[must_use]
pub const fn block(regime: Regime, access: Access) -> u64 {
    leaf(0, 2, attributes(regime, access))
}

/// Returns what TCR has for every map: 4 KiB granule, tables walked through the caches, no second half.
#[must_use]
pub const fn control(regime: Regime) -> u64 {
    const WALKS_CACHED: u64 = 1 << 8 | 1 << 10 | 3 << 12;
    const NO_SECOND_HALF: u64 = 1 << 23;
    const EL2_RES1: u64 = 1 << 31 | 1 << 23;
    WALKS_CACHED | if regime.has_el0() { NO_SECOND_HALF } else { EL2_RES1 }
}

/// Returns TCR for a map of `bits` address bits on a processor with `physical` ones.
#[must_use]
pub const fn translation_control(regime: Regime, bits: u32, physical: u32) -> u64 {
    let size = match physical {
        32 => 0,
        36 => 1,
        40 => 2,
        42 => 3,
        44 => 4,
        _ => 5,
    };
    let shift = if regime.has_el0() { 32 } else { 16 };
    control(regime) | (64 - bits) as u64 | size << shift
}

/// Returns the descriptor of a leaf at `level` (1 or 2: block, 3: page) for `address`.
pub(super) const fn leaf(address: u64, level: u32, attributes: u64) -> u64 {
    let kind = if level == 3 { TABLE_OR_PAGE } else { 0 };
    address | attributes | kind
}

/// Returns the descriptor that points to the next table.
pub(super) const fn table(address: u64) -> u64 {
    address | VALID | TABLE_OR_PAGE
}

/// Returns whether a descriptor leads on to a table, at a level above the last.
pub(super) const fn is_table(descriptor: u64) -> bool {
    descriptor & (VALID | TABLE_OR_PAGE) == VALID | TABLE_OR_PAGE
}

/// Returns the address in a descriptor: of the next table, the block or the page.
pub(super) const fn address(descriptor: u64) -> u64 {
    descriptor & ADDRESS & !(PAGE - 1)
}
