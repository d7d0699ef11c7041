//! A payload that is in for a kernel above the sentinel, on QEMU's `virt` board with two processors: it does
//! at EL1 what no kernel should, and prints what came of it.
//!
//! `trespasser: PASS` or `trespasser: FAIL` starts each line, with what was tried and what was found.
#![cfg_attr(target_os = "none", no_std)]
#![cfg_attr(target_os = "none", no_main)]

#[cfg(target_os = "none")]
mod checks;
#[cfg(target_os = "none")]
mod console;
#[cfg(target_os = "none")]
mod machine;

#[cfg(not(target_os = "none"))]
fn main() {}
