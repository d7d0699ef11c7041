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

/// The translation regime that walks the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regime {
    /// EL1&0, or EL2&0 when `HCR_EL2.E2H` cannot be cleared: two privilege levels, PXN and UXN.
    El1,
    /// EL2 alone: one privilege level, one XN bit, AP\[1\] is RES1.
    El2,
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

/// The attribute bits of a block or page descriptor.
pub(super) const fn attributes(regime: Regime, access: Access) -> u64 {
    let execute_never = match (regime, access) {
        // EL0 never executes what the stage owns.
        (Regime::El1, Access::Code) => UXN_OR_XN,
        (Regime::El1, _) => UXN_OR_XN | PXN,
        (Regime::El2, Access::Code) => 0,
        (Regime::El2, _) => UXN_OR_XN,
    };
    let fixed = match regime {
        Regime::El1 => 0,
        Regime::El2 => AP_EL0_OR_RES1,
    };
    let kind = match access {
        Access::Code | Access::ReadOnly => NORMAL | INNER_SHAREABLE | AP_READ_ONLY,
        Access::Data => NORMAL | INNER_SHAREABLE,
        Access::Device => 0,
    };
    VALID | ACCESS_FLAG | execute_never | fixed | kind
}

/// The descriptor of a 2 MiB block at address 0; another block's has its address beside it.
#[must_use]
pub const fn block(regime: Regime, access: Access) -> u64 {
    leaf(0, 2, attributes(regime, access))
}

/// What TCR says of every map: 4 KiB granule, tables walked through the caches, no second half.
#[must_use]
pub const fn control(regime: Regime) -> u64 {
    const WALKS_CACHED: u64 = 1 << 8 | 1 << 10 | 3 << 12;
    const NO_SECOND_HALF: u64 = 1 << 23;
    const EL2_RES1: u64 = 1 << 31 | 1 << 23;
    match regime {
        Regime::El1 => WALKS_CACHED | NO_SECOND_HALF,
        Regime::El2 => WALKS_CACHED | EL2_RES1,
    }
}

/// The descriptor of a leaf at `level` (1 or 2: block, 3: page) for `address`.
pub(super) const fn leaf(address: u64, level: u32, attributes: u64) -> u64 {
    let kind = if level == 3 { TABLE_OR_PAGE } else { 0 };
    address | attributes | kind
}

/// The descriptor that points to the next table.
pub(super) const fn table(address: u64) -> u64 {
    address | VALID | TABLE_OR_PAGE
}

/// Tell whether a descriptor leads on to a table, at a level above the last.
pub(super) const fn is_table(descriptor: u64) -> bool {
    descriptor & (VALID | TABLE_OR_PAGE) == VALID | TABLE_OR_PAGE
}

/// The address in a descriptor: of the next table, the block or the page.
pub(super) const fn address(descriptor: u64) -> u64 {
    descriptor & ADDRESS & !(PAGE - 1)
}
