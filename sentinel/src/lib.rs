//! The sentinel: a resident at EL2 that keeps Linux, at EL1, out of the watched carveouts.
//!
//! What is here runs, and is tested, on the host as well: what the stage tells the sentinel ([`abi`]), how it
//! sets a processor up ([`registers`]), which firmware calls pass ([`calls`]), what EL1 is given in place of
//! an access ([`inject`]), and what it reports ([`ring`], [`report`]). The machine itself is in the binary.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod abi;
pub mod calls;
pub mod inject;
pub mod registers;
pub mod report;
pub mod ring;
