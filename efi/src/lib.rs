//! The EFI face of ringfence: started by UEFI firmware or a boot loader in the place of Linux, it enforces
//! the memory map and then starts Linux by its EFI stub.
//!
//! ```text
//! loader ─ hold early ─▶ payload ─▶ tree ─ survey … prove ─▶ Proven ─ hold ─▶ Held ─ start ─▶ EFI stub
//! ```
//!
//! Everything that calls the firmware is in `firmware`; nothing about memory is decided here that the
//! core did not decide.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

#[macro_use]
mod console;

mod application;
mod enforce;
mod firmware;
mod hold;
mod loader;
mod options;
mod payload;
mod refusal;
mod start;
mod tree;

use firmware::level::current as level;

pub use application::{Machine, Overlay, run};
pub use refusal::panicked;

/// The version that the console names.
const VERSION: &str = env!("CARGO_PKG_VERSION");
