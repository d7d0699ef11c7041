//! The other way in of a build without the EFI face: its headers are there, and nothing else.

use core::panic::PanicInfo;

/// `EFI_UNSUPPORTED`
const UNSUPPORTED: usize = 1 << 63 | 3;

/// Reports nothing.
pub(super) fn panicked(_info: &PanicInfo<'_>) {}

/// Refuses the firmware. Entered by `asm/head.S`.
#[unsafe(no_mangle)]
extern "C" fn efi_main() -> usize {
    UNSUPPORTED
}
