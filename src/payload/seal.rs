//! What is still to be verified of an image that is moved before it is used: the copy, not the original,
//! which something that writes to memory by itself (a device that the loader left running) may change.

use super::{Backend, PayloadError};
use crate::fit::Image;

/// The hashes of an image that is to be verified where it is used.
#[derive(Clone, Debug)]
pub struct Seal<'a> {
    image: Image<'a>,
}

impl<'a> Seal<'a> {
    /// Seals an image, which must have a hash.
    pub(super) fn new(image: &Image<'a>) -> Result<Self, PayloadError> {
        image.check_hashed()?;
        Ok(Self { image: image.clone() })
    }

    /// Verifies what the image has become.
    ///
    /// # Errors
    /// [`PayloadError::Fit`] with the hash that does not match.
    pub fn verify(&self, copy: &[u8], backend: &impl Backend) -> Result<(), PayloadError> {
        Ok(self.image.verify_copy(copy, &|data| backend.sha256(data))?)
    }

    /// Verifies the original, and passes an error in its contents on if it is not damaged.
    pub(super) fn explain(&self, why: PayloadError, backend: &impl Backend) -> PayloadError {
        self.verify(self.image.data, backend).err().unwrap_or(why)
    }
}
