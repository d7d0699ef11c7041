//! A payload that is in for a kernel on QEMU's `virt` board: it checks the state in which it is entered
//! against the arm64 boot protocol, says what it found on the PL011, and powers off.
//!
//! `payload: PASS`, or `payload: FAIL` with what is wrong, is its last line.
#![cfg_attr(target_os = "none", no_std)]
#![cfg_attr(target_os = "none", no_main)]

#[cfg(target_os = "none")]
mod check;

#[cfg(not(target_os = "none"))]
fn main() {}
