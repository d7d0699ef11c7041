//! Opens what is to be booted: a bundle, or a kernel alone. The stage opens its payload with this and the
//! tool does, so that both answer alike.
//!
//! A face brings what the core does not have, hashing instructions and unpackers, as a [`Backend`].

pub mod appended;
mod bundle;
pub mod console_slot;
mod error;
mod judged;
mod kernel;
mod seal;

pub use bundle::{is_bundle, verified};
pub use error::PayloadError;
pub use judged::Judged;
pub use kernel::Kernel;
pub use seal::Seal;

use crate::facts::{BootFacts, Position};
use crate::kernel_image::HEADER_LEN;
use crate::packing::Stream;
use crate::policy::Policy;
use crate::span::Span;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use sha2::{Digest, Sha256};

/// Largest kernel that a stream may claim to hold, in bytes; a larger one is a bomb.
pub const MAX_KERNEL: u64 = 512 << 20;

/// What a face brings for opening payloads. The methods given here do without: hashing in software, and no
/// unpacker.
pub trait Backend {
    /// Whether kernel and ramdisk are verified where they are used ([`Payload::kernel_seal`]), because this
    /// face moves them there first.
    const VERIFIES_COPIES: bool = false;

    /// Returns the bytes as they will be read from now on, any number of times: a copy, where something else
    /// may write to memory. `None` if the copy does not fit.
    fn keep<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        Some(bytes)
    }

    /// Computes SHA-256.
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        Sha256::digest(data).into()
    }

    /// Is given the policy of a bundle, or that there is none, before the large images are verified.
    fn know_policy(&self, policy: Option<&Policy>) {
        let _ = policy;
    }

    /// Reads what a packed kernel begins with, and measures it.
    ///
    /// # Errors
    /// Why the stream cannot be used.
    fn measure(&self, stream: Stream<'_>) -> Result<Measure, StreamError> {
        let _ = stream;
        Err(StreamError::Unsupported)
    }

    /// Returns the bytes after a kernel of `footprint` bytes that unpacking `stream` to its place takes.
    fn work(&self, stream: Stream<'_>, footprint: u64) -> u64 {
        let _ = (stream, footprint);
        0
    }
}

/// What is known of a packed kernel before it is unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// The first bytes of the kernel.
    pub head: [u8; HEADER_LEN],
    /// Its length in bytes; 0 where the stream does not say.
    pub len: u64,
}

/// Why a stream cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamError {
    /// This face has no unpacker for it.
    Unsupported,
    /// It is damaged, or holds more than [`MAX_KERNEL`].
    Damaged,
}

/// A [`Backend`] that has nothing.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

impl Backend for Plain {}

/// What is to be booted. Spans are where the bytes are now.
#[derive(Clone, Debug)]
pub struct Payload<'a> {
    /// The container that the loader placed; for a kernel alone, the kernel's bytes.
    pub at: Span,
    /// The kernel.
    pub kernel: Kernel<'a>,
    /// What is still to be verified of the kernel: of its copy, or of the stream that it was unpacked from.
    pub kernel_seal: Option<Seal<'a>>,
    /// What is still to be verified of the copy of the ramdisk.
    pub ramdisk_seal: Option<Seal<'a>>,
    /// The kernel's release, where the bundle names it.
    pub release: Option<&'a str>,
    /// The initial ramdisk.
    pub ramdisk: Option<Span>,
    /// The policy.
    pub policy: Option<Policy>,
    /// The identity of the policy as it travelled (`policy::digest`).
    pub policy_digest: Option<[u8; 32]>,
    /// The device tree that takes the place of the loader's.
    pub fdt: Option<(Span, &'a [u8])>,
    /// Overlays for the device tree by name, to be applied in this order.
    pub overlays: Vec<(String, &'a [u8])>,
    /// Names of ramdisks that are not used, because there is one before them.
    pub further_ramdisks: Vec<String>,
}

/// Reads a policy from its blob, with its identity.
fn read_policy(blob: &[u8], backend: &impl Backend) -> Result<(Policy, [u8; 32]), PayloadError> {
    let policy = Policy::from_blob(blob)?;
    let digest = crate::policy::digest_with(blob, &|data| backend.sha256(data))?;
    Ok((policy, digest))
}

impl<'a> Payload<'a> {
    /// Opens the bundle or kernel in `bytes`, which are at `at`. Of a bundle, the configuration is the one
    /// for a board with these `compatibles`, the most specific first, and every image is verified, but for
    /// those that are sealed. What is not moved is read from [`Backend::keep`] alone.
    ///
    /// # Errors
    /// Any [`PayloadError`].
    pub fn open(
        at: Span,
        bytes: &'a [u8],
        compatibles: &[&str],
        backend: &impl Backend,
    ) -> Result<Self, PayloadError> {
        if is_bundle(bytes) {
            return bundle::open(at, bytes, compatibles, backend);
        }
        Ok(Self::of_kernel(at, Kernel::open(at, bytes, backend)?))
    }

    fn of_kernel(at: Span, kernel: Kernel<'a>) -> Self {
        Self {
            at,
            kernel,
            kernel_seal: None,
            ramdisk_seal: None,
            release: None,
            ramdisk: None,
            policy: None,
            policy_digest: None,
            fdt: None,
            overlays: Vec::new(),
            further_ramdisks: Vec::new(),
        }
    }

    /// Takes the policy of another source, a blob.
    ///
    /// # Errors
    /// [`PayloadError::Policy`], [`PayloadError::NoRoom`].
    pub fn set_policy(&mut self, blob: &[u8], backend: &impl Backend) -> Result<(), PayloadError> {
        let blob = backend.keep(blob).ok_or_else(|| PayloadError::NoRoom { image: "policy".to_string() })?;
        let (policy, digest) = read_policy(blob, backend)?;
        self.policy = Some(policy);
        self.policy_digest = Some(digest);
        Ok(())
    }

    /// Enters what the planner must know: everything can still be moved, and the kernel gets an account of
    /// what was done.
    pub fn enter(&self, facts: &mut BootFacts) {
        facts.bundle = Some(self.at);
        facts.kernel = Some(self.kernel.facts);
        facts.initrd = self.ramdisk.map(Position::Movable);
        facts.policy_digest = self.policy_digest;
        facts.report = true;
    }

    /// Returns the profile of the kernel, with the page size that its header states: of the version that the
    /// policy names, else of the one that the bundle names, else the default.
    #[must_use]
    pub fn profile(&self) -> Judged<'_> {
        let of_policy = self.policy.as_ref().and_then(|policy| policy.kernel.as_deref());
        Judged::new([(of_policy, "policy"), (self.release, "bundle")], self.kernel.page_size)
    }
}

#[cfg(test)]
mod tests;
