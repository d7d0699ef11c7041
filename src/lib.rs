//! The core of ringfence: a pure function from a device tree, a policy and the facts of a boot to a report
//! and a device tree whose memory map is proven.
//!
//! Nothing here knows hardware or files; the stage (`boot/`) and the tool (`cli/`) are two faces of this
//! crate.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod analysis;
pub mod announce;
pub mod bootargs;
pub mod claims;
pub mod context;
pub mod early;
pub mod efi;
pub mod facts;
pub mod fdt;
pub mod finding;
pub mod fit;
pub mod heaps;
pub mod kernel_image;
pub mod ledger;
pub mod merge;
pub mod order;
pub mod packing;
pub mod payload;
pub mod pipeline;
pub mod plan;
pub mod policy;
pub mod predict;
pub mod profile;
pub mod prove;
pub mod psci;
pub mod ramoops;
pub mod rules;
pub mod sentinel;
pub mod span;
pub mod survey;
pub mod walk;
