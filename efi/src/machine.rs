//! What the stage brings to the EFI face.

use alloc::vec::Vec;
use ringfence::fdt::{OverlayError, Tree};
use ringfence::packing::Stream;
use ringfence::payload::{Backend, Kernel};

/// Hashing instructions, and what a build may leave out.
pub trait Machine: Backend {
    /// Returns what applies overlays; `None` in an image that was built without.
    fn overlay(&self) -> Option<Overlay>;

    /// Unpacks a kernel into the front of `place`, which is as large as the kernel's facts say, and returns
    /// it.
    fn unpack(
        &self,
        kernel: &Kernel<'_>,
        stream: Stream<'_>,
        place: &'static mut [u8],
    ) -> Option<&'static [u8]>;
}

/// Applies an overlay to a device tree.
pub type Overlay = fn(&Tree<'_>, &Tree<'_>) -> Result<Vec<u8>, OverlayError>;
