//! What the firmware is asked: each module is one service of UEFI after safe functions. All `unsafe` of
//! the EFI face is here.

pub(crate) mod attributes;
#[cfg(test)]
pub(crate) mod fake;
pub(crate) mod files;
pub(crate) mod fixup;
pub(crate) mod image;
pub(crate) mod initrd;
pub(crate) mod kernel;
pub(crate) mod level;
pub(crate) mod map;
pub(crate) mod output;
pub(crate) mod pages;
pub(crate) mod secure_boot;
pub(crate) mod table;
