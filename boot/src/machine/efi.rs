//! The other way in: started by UEFI firmware, as an EFI application or driver.

use super::memory::Reserved;
use super::{heap, sha256};
use core::ffi::c_void;
use core::sync::atomic::{AtomicBool, Ordering};
use ringfence_efi::Machine;

const MACHINE: Machine = Machine {
    digest: sha256::digest,
    #[cfg(feature = "overlays")]
    overlay: Some(ringfence::fdt::apply_overlay),
    #[cfg(not(feature = "overlays"))]
    overlay: None,
};

static ENTERED: AtomicBool = AtomicBool::new(false);

/// Tells whether the firmware has started this image, so that the console is the firmware's.
pub(super) fn is_entered() -> bool {
    ENTERED.load(Ordering::Relaxed)
}

/// Runs the EFI face. Entered by `asm/head.S` with caches on, relocated, BSS cleared, on the firmware's
/// stack.
#[unsafe(no_mangle)]
extern "C" fn efi_main(image: *mut c_void, system: *const c_void) -> usize {
    ENTERED.store(true, Ordering::Relaxed);
    // The firmware has loaded it as part of this image.
    if let Some(reserved) = Reserved::take() {
        heap::start(reserved.heap);
    }
    // SAFETY: what the firmware passes to the entry of an image (UEFI 2.10, 4.1).
    unsafe { ringfence_efi::run(image, system, &MACHINE) }
}
