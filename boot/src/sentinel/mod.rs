//! What the stage prepares for the sentinel, without the machine: its stage-2 map, and the words for its
//! configuration.

#[cfg(feature = "sentinel")]
mod config;
pub mod stage2;

#[cfg(feature = "sentinel")]
pub use config::{allowed, on_access, previous, uart};
