//! The other way in: started by UEFI firmware, as an EFI application.

use super::heap;
use super::memory::Reserved;
use super::payload::Board;
use core::ffi::c_void;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};
use ringfence::packing::Stream;
use ringfence::payload::Kernel;
use ringfence_efi::{Machine, Overlay};

impl Machine for Board {
    fn overlay(&self) -> Option<Overlay> {
        #[cfg(feature = "overlays")]
        return Some(ringfence::fdt::apply_overlay);
        #[cfg(not(feature = "overlays"))]
        None
    }

    fn unpack(
        &self,
        kernel: &Kernel<'_>,
        stream: Stream<'_>,
        place: &'static mut [u8],
    ) -> Option<&'static [u8]> {
        #[cfg(feature = "packed")]
        return super::payload::unpack(kernel, stream, place);
        #[cfg(not(feature = "packed"))]
        {
            // Without an unpacker, packed kernels are not opened.
            let _ = (kernel, stream, place);
            None
        }
    }
}

/// Whether the firmware has started this image, so that the console is the firmware's.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// Reports a panic on the firmware's console, where it is the firmware that has started this image.
pub(super) fn panicked(info: &PanicInfo<'_>) {
    if ENTERED.load(Ordering::Relaxed) {
        ringfence_efi::panicked(info);
    }
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
    unsafe { ringfence_efi::run(image, system, &Board) }
}
