//! Everything that needs the machine. `unsafe` is in `asm`, `maps`, `memory`, `mmio`, `heap`, `structured`,
//! and in the few calls whose conditions only the caller can guarantee.

#[macro_use]
mod log;

mod asm;
mod boot;
mod clock;
mod dtb;
mod early;
#[cfg_attr(not(feature = "efi"), path = "no_efi.rs")]
mod efi;
mod enforce;
mod fault;
mod handoff;
mod heap;
mod maps;
mod memory;
mod mmio;
mod overlay;
mod payload;
mod persistent_log;
mod power;
#[cfg(feature = "sentinel")]
mod sentinel;
#[cfg(not(feature = "sentinel"))]
#[path = "no_sentinel.rs"]
mod sentinel;
mod sha256;
mod structured;
mod trees;
mod watchdog;
