//! The commands of `cargo xtask`, one file each.

pub(crate) mod qemu;
