//! Loads and starts an image: Linux' EFI stub.

use crate::refusal::{Result, refusal};
use alloc::vec::Vec;
use ringfence::span::Span;
use uefi::boot::{self, LoadImageSource, OpenProtocolAttributes, OpenProtocolParams};
use uefi::proto::loaded_image::LoadedImage;
use uefi::{Handle, Status};

/// A kernel that the firmware has loaded, and verified where Secure Boot is on.
pub(crate) struct LoadedKernel {
    handle: Handle,
    /// Where the firmware has put it.
    pub(crate) span: Span,
}

impl LoadedKernel {
    /// Has the firmware load a kernel: an `Image` with an EFI stub, or an EFI zboot image.
    pub(crate) fn load(kernel: &[u8]) -> Result<Self> {
        let source = LoadImageSource::FromBuffer { buffer: kernel, file_path: None };
        let handle = boot::load_image(boot::image_handle(), source).map_err(|why| match why.status() {
            Status::SECURITY_VIOLATION | Status::ACCESS_DENIED => {
                refusal!(
                    "the firmware does not accept the kernel ({}); sign it: Secure Boot is on",
                    why.status()
                )
            }
            status => {
                refusal!(
                    "the firmware does not load the kernel ({status}); take an arm64 Image with an EFI stub"
                )
            }
        })?;
        let params = OpenProtocolParams { handle, agent: boot::image_handle(), controller: None };
        // SAFETY: only this function's caller unloads the image.
        let image =
            unsafe { boot::open_protocol::<LoadedImage>(params, OpenProtocolAttributes::GetProtocol) };
        let (base, size) = image
            .map_err(|why| refusal!("the firmware does not say where the kernel is ({})", why.status()))?
            .info();
        let span = Span::new(base as u64, size)
            .ok_or_else(|| refusal!("the firmware has loaded an empty kernel"))?;
        Ok(Self { handle, span })
    }

    /// Starts it with this command line. Returns only why it came back.
    pub(crate) fn start(self, line: &str) -> crate::refusal::Refusal {
        let units: Vec<u16> = line.encode_utf16().chain([0]).collect();
        let units = units.leak();
        let Ok(size) = u32::try_from(core::mem::size_of_val(units)) else {
            return refusal!("the command line is too long");
        };
        let params =
            OpenProtocolParams { handle: self.handle, agent: boot::image_handle(), controller: None };
        // SAFETY: as in `load`; closed before the kernel is started.
        match unsafe { boot::open_protocol::<LoadedImage>(params, OpenProtocolAttributes::GetProtocol) } {
            // SAFETY: the options are never freed.
            Ok(mut image) => unsafe { image.set_load_options(units.as_ptr().cast(), size) },
            Err(why) => return refusal!("the kernel takes no command line ({})", why.status()),
        }
        match boot::start_image(self.handle) {
            Ok(()) => refusal!("the kernel came back"),
            Err(why) => refusal!("the kernel came back ({})", why.status()),
        }
    }
}
