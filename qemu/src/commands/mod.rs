//! The commands of `cargo xtask`, one file each.

pub(crate) mod bench;
pub(crate) mod boots;
pub(crate) mod dist;
pub(crate) mod fuzz;
pub(crate) mod hostile;
pub(crate) mod kernels;
pub(crate) mod lint;
pub(crate) mod matrix;
pub(crate) mod mutants;
pub(crate) mod packages;
pub(crate) mod qemu;
pub(crate) mod recipes;
pub(crate) mod test;
