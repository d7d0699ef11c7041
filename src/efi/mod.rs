//! Memory as UEFI firmware describes it: what an EFI boot of Linux takes for RAM, and what may be held in it.
//!
//! In an EFI boot Linux takes its RAM from the firmware's memory map instead of `/memory`, the EFI stub
//! puts the kernel anywhere that the map calls free, and only the map keeps the firmware off a carveout
//! (drivers/firmware/efi/efi-init.c and drivers/firmware/efi/libstub, 6.12).

mod hold;
mod kind;
mod load_options;
mod map;
pub mod pe;
mod tables;
mod text;

pub use hold::{Hold, HoldKind, Piece};
pub use kind::{EfiKind, EfiUse};
pub use load_options::{one_line, take_load_options};
pub use map::{Descriptor, EfiMap, EfiRange, PAGE};
pub use tables::KeptTable;
pub use text::{Format, TextError, parse};
