//! What the stage can do without the machine: everything here runs, and is tested, on the host as well.
//!
//! The machine itself (registers, MMIO, assembly) is in the binary, under `machine/`.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod console;
pub mod esr;
pub mod layout;
pub mod modules;
pub mod paging;
pub mod psci;
pub mod regions;
pub mod ring;
pub mod uart;
