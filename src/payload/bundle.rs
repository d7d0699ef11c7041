//! A payload in a bundle: the container is checked, a configuration chosen, every image verified.

use super::{Backend, Kernel, Payload, PayloadError, read_policy};
use crate::fdt;
use crate::fit::{Config, Fit, FitError, Image, LINUX};
use crate::span::Span;

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

pub(super) fn open<'a>(
    at: Span,
    bytes: &'a [u8],
    compatibles: &[&str],
    backend: &impl Backend,
) -> Result<Payload<'a>, PayloadError> {
    let sha256 = |data: &[u8]| backend.sha256(data);
    let config = Fit::parse(bytes)?.select(compatibles)?;
    let place = |image: &Image<'a>| {
        let base = at.base().checked_add(image.data_offset);
        let span = base.and_then(|base| Span::new(base, image.data.len() as u64));
        span.ok_or_else(|| PayloadError::NoPlace { image: image.name.clone() })
    };
    // Only the kernel is unpacked to its place.
    let as_it_is = |image: &Image<'a>| match image.packing {
        None => Ok(image.data),
        Some(packing) => Err(PayloadError::PackedImage { image: image.name.clone(), packing }),
    };
    // The policy first: it may say what is done while the others are verified.
    let policy = config.policy.as_ref().map(|image| {
        verify(&config, image, &sha256)?;
        read_policy(as_it_is(image)?, backend)
    });
    let policy = policy.transpose()?;
    backend.know_policy(policy.as_ref().map(|(policy, _)| policy));
    let is_policy = |image| config.policy.as_ref().is_some_and(|policy| core::ptr::eq(policy, image));
    for image in config.images().filter(|&image| !is_policy(image)) {
        verify(&config, image, &sha256)?;
    }
    let kernel = &config.kernel;
    let release = kernel.description.strip_prefix(LINUX);
    let kernel = Kernel::open(place(kernel)?, kernel.data, backend)?;
    let mut payload = Payload::of_kernel(at, kernel);
    payload.release = release;
    payload.ramdisk = config.ramdisk.as_ref().map(place).transpose()?;
    if let Some((policy, digest)) = policy {
        payload.policy = Some(policy);
        payload.policy_digest = Some(digest);
    }
    if let Some(image) = &config.fdt {
        payload.fdt = Some((place(image)?, as_it_is(image)?));
    }
    payload.further_ramdisks = config.further_ramdisks;
    for image in config.overlays {
        let bytes = as_it_is(&image)?;
        payload.overlays.push((image.name, bytes));
    }
    Ok(payload)
}
