//! What the stage does without the machine: everything here runs, and is tested, on the host as well.
//!
//! The machine itself (registers, MMIO, assembly) is in the binary, under `machine/`.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
// Every input is hostile, so nothing outside tests may panic.
#![cfg_attr(
    not(test),
    warn(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

extern crate alloc;

pub mod console;
pub mod esr;
pub mod layout;
pub mod modules;
pub mod paging;
pub mod regions;
pub mod ring;
pub mod sentinel;
pub mod uart;
pub mod watchdog;
