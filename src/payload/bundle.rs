//! A payload in a bundle: the container is checked, a configuration chosen, every image verified.

use super::{Backend, Kernel, Payload, PayloadError, Seal, read_policy};
use crate::fdt;
use crate::fit::{Config, Fit, FitError, Image, LINUX};
use crate::span::Span;
use alloc::string::ToString;

/// The longest tree of a bundle that is copied, in bytes. Longer ones hold the images themselves.
const MAX_KEPT_TREE: u32 = 64 << 10;

/// Returns whether `bytes` begin as a bundle does.
#[must_use]
pub fn is_bundle(bytes: &[u8]) -> bool {
    bytes.starts_with(&fdt::MAGIC.to_be_bytes())
}

/// Returns the configuration of a bundle for a board with these `compatibles`, the most specific first, with
/// every image verified. `sha256` computes SHA-256.
///
/// # Errors
/// Any [`FitError`].
pub fn verified<'a>(
    bytes: &'a [u8],
    compatibles: &[&str],
    sha256: &dyn Fn(&[u8]) -> [u8; 32],
) -> Result<Config<'a>, FitError> {
    let config = Fit::parse(bytes)?.select(compatibles)?;
    for image in config.images() {
        verify(&config, image, sha256)?;
    }
    Ok(config)
}

fn verify(
    config: &Config<'_>,
    image: &Image<'_>,
    sha256: &dyn Fn(&[u8]) -> [u8; 32],
) -> Result<(), FitError> {
    image.verify_with(sha256)?;
    // A ramdisk is passed to Linux as it is.
    if config.ramdisk.as_ref().is_none_or(|ramdisk| ramdisk.name != image.name) {
        image.check_label()?;
    }
    Ok(())
}

pub(super) fn open<'a, B: Backend>(
    at: Span,
    bytes: &'a [u8],
    compatibles: &[&str],
    backend: &B,
) -> Result<Payload<'a>, PayloadError> {
    let sha256 = |data: &[u8]| backend.sha256(data);
    let config = Fit::with_tree(kept_tree(bytes, backend)?, bytes)?.select(compatibles)?;
    let place = |image: &Image<'a>| {
        let base = at.base().checked_add(image.data_offset);
        let span = base.and_then(|base| Span::new(base, image.data.len() as u64));
        span.ok_or_else(|| PayloadError::NoPlace { image: image.name.clone() })
    };
    // What is read in place is verified as it will be read. Only the kernel is unpacked to its place.
    let as_it_is = |image: &Image<'a>| {
        let bytes = keep(image, backend)?;
        image.verify_copy(bytes, &sha256)?;
        image.check_label()?;
        match image.packing {
            None => Ok(bytes),
            Some(packing) => Err(PayloadError::PackedImage { image: image.name.clone(), packing }),
        }
    };
    // The policy first: it may say what is done while the others are verified.
    let policy = config.policy.as_ref().map(|image| read_policy(as_it_is(image)?, backend));
    let policy = policy.transpose()?;
    backend.know_policy(policy.as_ref().map(|(policy, _)| policy));
    let seal = |image: &Image<'a>| {
        if !B::VERIFIES_COPIES {
            verify(&config, image, &sha256)?;
            return Ok(None);
        }
        Seal::new(image).map(Some)
    };
    let kernel = &config.kernel;
    let kernel_seal = seal(kernel)?;
    let ramdisk_seal = config.ramdisk.as_ref().map(seal).transpose()?.flatten();
    let release = kernel.description.strip_prefix(LINUX);
    let opened = kernel.check_label().map_err(PayloadError::from);
    let opened = opened.and_then(|()| Kernel::open(place(kernel)?, kernel.data, backend));
    // That it is damaged is what to say of one that cannot be read.
    let opened = opened.map_err(|why| match &kernel_seal {
        Some(seal) => seal.explain(why, backend),
        None => why,
    });
    let mut payload = Payload::of_kernel(at, opened?);
    payload.kernel_seal = kernel_seal;
    payload.ramdisk_seal = ramdisk_seal;
    payload.release = release;
    payload.ramdisk = config.ramdisk.as_ref().map(place).transpose()?;
    if let Some((policy, digest)) = policy {
        payload.policy = Some(policy);
        payload.policy_digest = Some(digest);
    }
    if let Some(image) = &config.fdt {
        payload.fdt = Some((place(image)?, as_it_is(image)?));
    }
    for image in &config.overlays {
        payload.overlays.push((image.name.clone(), as_it_is(image)?));
    }
    payload.further_ramdisks = config.further_ramdisks;
    Ok(payload)
}

/// Returns the bytes of an image that is not moved.
fn keep<'a>(image: &Image<'a>, backend: &impl Backend) -> Result<&'a [u8], PayloadError> {
    backend.keep(image.data).ok_or_else(|| PayloadError::NoRoom { image: image.name.clone() })
}

/// Returns the tree of a bundle as it will be read.
fn kept_tree<'a>(bytes: &'a [u8], backend: &impl Backend) -> Result<&'a [u8], PayloadError> {
    let total = bytes.get(4..8).and_then(|word| word.try_into().ok()).map_or(0, u32::from_be_bytes);
    match bytes.get(..total as usize).filter(|_| total <= MAX_KEPT_TREE) {
        Some(tree) => {
            backend.keep(tree).ok_or_else(|| PayloadError::NoRoom { image: "the bundle's tree".to_string() })
        }
        None => Ok(bytes),
    }
}
