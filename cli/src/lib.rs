//! The tool: the core of ringfence with files, formats and colours around it.
//!
//! The binary `ringfence` is a thin wrapper around this library, so that other host programs can pack a
//! bundle or read a policy without starting a process.

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

pub mod args;
pub mod bundle;
pub mod commands;
pub mod draw;
pub mod failure;
pub mod input;
pub mod lsp;
pub mod memmap;
pub mod number;
pub mod project;
pub mod report;
pub mod suggest;
pub mod terminal;
pub mod write_out;
