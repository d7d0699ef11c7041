//! The tool: the core of ringfence behind files, formats and colours.
//!
//! The binary `ringfence` is a thin face of this library, so that other host programs can pack a bundle or
//! read a policy without starting a process.

pub mod adjust;
pub mod args;
pub mod baseline;
pub mod boot_map;
pub mod bundle;
pub mod chart;
pub mod commands;
pub mod compare;
pub mod config;
pub mod date;
pub mod diff;
pub mod dts;
pub mod failure;
pub mod headroom;
pub mod input;
pub mod job;
pub mod judge;
mod kernel;
pub mod map;
pub mod number;
pub mod output;
pub mod payload;
pub mod placement;
pub mod policy_file;
pub mod progress;
pub mod report;
pub mod ring;
pub mod say;
pub mod source_fix;
pub mod style;
pub mod suggest;
pub mod write_out;
