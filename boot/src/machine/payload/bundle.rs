//! A payload in a bundle: check the container, choose a configuration, verify every image.

use super::{Payload, kernel};
use crate::machine::{overlay, sha256};
use alloc::vec::Vec;
use ringfence::facts::Placed;
use ringfence::fdt::Tree;
use ringfence::fit::{Fit, Image};
use ringfence::policy::Policy;
use ringfence::span::Span;

/// Open the bundle at `slot`.
pub(super) fn open(slot: Span, bytes: &'static [u8], tree: &Tree<'_>) -> Payload {
    let fit = Fit::parse(bytes).unwrap_or_else(|why| halt!("what lies at {slot} is no bundle: {why}"));
    let compatible = tree.root().prop("compatible");
    let boards: Vec<&str> = compatible.iter().flat_map(|prop| prop.strings()).collect();
    let config = fit.select(&boards).unwrap_or_else(|why| halt!("bundle at {slot}: {why}"));
    for image in config.images() {
        if let Err(why) = image.verify_with(&sha256::digest) {
            halt!("bundle at {slot}: {why}");
        }
        defmt::info!("image {=str} verified, {=usize} bytes", image.name.as_str(), image.data.len());
    }
    let at = |image: &Image<'_>| {
        Span::new(slot.base().saturating_add(image.data_offset), image.data.len() as u64)
            .unwrap_or_else(|| halt!("bundle at {slot}: image {} is empty; make the bundle anew", image.name))
    };
    let policy = config.policy.as_ref().map(|image| {
        Policy::from_blob(image.data).unwrap_or_else(|why| halt!("bundle at {slot}: policy: {why}"))
    });
    Payload {
        bundle: Some(slot),
        initrd: config.ramdisk.as_ref().map(|image| Placed { at: at(image), movable: true }),
        policy,
        policy_blob: config.policy.as_ref().map(|image| image.data),
        dtb: config.fdt.as_ref().map(|image| (at(image), image.data)),
        changes: overlay::Changes {
            overlays: config.overlays.into_iter().map(|image| (image.name, image.data)).collect(),
            bootargs: None,
        },
        ..kernel::open(at(&config.kernel), config.kernel.data, &config.kernel.name)
    }
}
