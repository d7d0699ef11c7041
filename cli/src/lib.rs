//! The tool: the core of ringfence behind files, formats and colours.
//!
//! The binary `ringfence` is a thin face of this library, so that other host programs can pack a bundle or
//! read a policy without starting a process.

pub mod failure;
pub mod number;
pub mod policy_file;
pub mod suggest;
