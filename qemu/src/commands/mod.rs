//! The commands of `cargo xtask`, one file each.

pub(crate) mod bench;
pub(crate) mod qemu;
