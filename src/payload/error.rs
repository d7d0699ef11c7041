//! Errors of payloads.

use crate::fit::FitError;
use crate::kernel_image::ImageError;
use crate::packing::{Packing, ZbootError};
use crate::policy::PolicyError;
use alloc::string::String;
use core::fmt;

/// Why a payload cannot be booted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadError {
    /// The bundle cannot be read, or an image in it is damaged.
    Fit(FitError),
    /// An image that is empty, or ends beyond the 64-bit address space.
    NoPlace {
        /// Its name.
        image: String,
    },
    /// A packed image that is used in place.
    PackedImage {
        /// Its name.
        image: String,
        /// How it is packed.
        packing: Packing,
    },
    /// A copy of an image does not fit into memory.
    NoRoom {
        /// Its name.
        image: String,
    },
    /// The policy.
    Policy(PolicyError),
    /// The kernel is not one that arm64 can boot.
    Kernel(ImageError),
    /// The kernel at its place is not the one that the place was made for.
    Changed,
    /// The kernel is an EFI zboot image that cannot be opened.
    Zboot(ZbootError),
    /// This face has no unpacker for the kernel.
    NoUnpacker(Packing),
    /// The stream that holds the kernel is damaged, or claims to hold too much.
    DamagedStream(Packing),
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fit(why) => write!(f, "{why}"),
            Self::NoPlace { image } => write!(f, "image {image} is empty; make the bundle anew"),
            Self::PackedImage { image, packing } => {
                write!(
                    f,
                    "image {image} is packed with {}, and only kernels may be; add it to the bundle unpacked",
                    packing.name()
                )
            }
            Self::NoRoom { image } => {
                write!(f, "a copy of {image} does not fit into memory; make it smaller")
            }
            Self::Policy(why) => write!(f, "policy: {why}"),
            Self::Kernel(why) => write!(f, "the kernel cannot be booted: {why}"),
            Self::Changed => f.write_str(
                "the kernel has changed while it was moved: something else writes to its memory; stop that",
            ),
            Self::Zboot(why) => write!(f, "the kernel cannot be unpacked: {why}"),
            Self::NoUnpacker(packing) => write!(
                f,
                "the kernel is packed with {}, which this build cannot unpack; `ringfence pack` unpacks it",
                packing.name()
            ),
            Self::DamagedStream(packing) => write!(
                f,
                "the {} stream that holds the kernel is damaged, or holds more than 512 MiB; make it anew",
                packing.name()
            ),
        }
    }
}

impl core::error::Error for PayloadError {}

impl From<ImageError> for PayloadError {
    fn from(error: ImageError) -> Self {
        Self::Kernel(error)
    }
}

impl From<ZbootError> for PayloadError {
    fn from(error: ZbootError) -> Self {
        Self::Zboot(error)
    }
}

impl From<FitError> for PayloadError {
    fn from(error: FitError) -> Self {
        Self::Fit(error)
    }
}

impl From<PolicyError> for PayloadError {
    fn from(error: PolicyError) -> Self {
        Self::Policy(error)
    }
}
