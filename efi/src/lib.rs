//! The EFI face of ringfence. As an application, UEFI firmware or a boot loader starts it in the place of
//! Linux: it enforces the memory map and then starts Linux by its EFI stub. As a driver it stays, and
//! enforces the memory map of each device tree that anything installs.
//!
//! ```text
//! loader ─ hold early ─▶ payload ─▶ tree ─ survey … prove ─▶ Proven ─ hold ─▶ Held ─ start ─▶ EFI stub
//! fix-up protocol, configuration table ───▶ survey … prove ─▶ Proven ─ hold ─▶ Held ─ install
//! ```
//!
//! Everything that calls the firmware is in `firmware`; nothing about memory is decided here that the
//! core did not decide.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

#[macro_use]
mod console;

mod application;
mod driver;
mod enforce;
mod entry;
mod fence;
mod firmware;
mod hold;
#[cfg(test)]
mod hostile;
mod loader;
mod machine;
mod options;
mod payload;
mod refusal;
mod slot;
mod start;
mod tree;

use firmware::level::current as level;

pub use entry::run;
pub use machine::{Machine, Overlay};
pub use refusal::panicked;

/// The version that the console names.
const VERSION: &str = env!("CARGO_PKG_VERSION");
