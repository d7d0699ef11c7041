//! What the stage would find in a bundle, so that the tool answers as the stage does.

use std::path::PathBuf;
use std::sync::Arc;

use ringfence::facts::{BootFacts, Kernel, Placed};
use ringfence::fdt::Tree;
use ringfence::fit::{Fit, Image};
use ringfence::kernel_image::Header;
use ringfence::policy::{self, Policy};
use ringfence::profile::KernelProfile;
use ringfence::span::Span;

use super::kernel;
use crate::failure::Failure;
use crate::input;
use crate::project::boot_map::Place;

/// A bundle, and where the boot loader puts it.
#[derive(Clone, Debug)]
pub struct Bundle {
    base: u64,
    file: PathBuf,
    bytes: Arc<[u8]>,
}

/// What the stage takes out of it for one board.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The policy that travels in it.
    pub policy: Option<Policy>,
    /// The kernel as the stage knows it: by its page size.
    pub profile: KernelProfile,
}

impl Bundle {
    /// Reads it.
    ///
    /// # Errors
    /// When `place` names no file, or that cannot be read.
    pub fn read(place: &Place) -> Result<Self, Failure> {
        let Some((base, file)) = place.file() else {
            return Err(Failure::new("--bundle needs the file: BASE:@FILE, such as 0x48000000:@bundle.itb"));
        };
        Ok(Self { base, file: file.into(), bytes: input::read_any(file)?.into() })
    }

    /// Enters what the stage would on the board of `tree`: everything that it places is movable.
    ///
    /// # Errors
    /// When the stage would refuse the bundle.
    pub fn open(&self, tree: &Tree<'_>, facts: &mut BootFacts) -> Result<Opened, Failure> {
        let failure = |why: &dyn std::fmt::Display| Failure::of(&self.file, why);
        let compatible = tree.root().prop("compatible");
        let boards: Vec<&str> = compatible.iter().flat_map(|prop| prop.strings()).collect();
        let fit = Fit::parse(&self.bytes).map_err(|why| failure(&why))?;
        let config = fit.select(&boards).map_err(|why| failure(&why))?;
        for image in config.images() {
            image.verify().map_err(|why| failure(&why))?;
        }
        facts.bundle = Span::new(self.base, self.bytes.len() as u64);
        let at = |image: &Image<'_>| {
            let base = self.base.checked_add(image.data_offset);
            let span = base.and_then(|base| Span::new(base, image.data.len() as u64));
            span.ok_or_else(|| failure(&format!("{} is empty, or beyond all addresses", image.name)))
        };
        facts.initrd = config.ramdisk.as_ref().map(&at).transpose()?.map(|at| Placed { at, movable: true });
        let mut lies = at(&config.kernel)?;
        let unpacked = kernel::unpack(config.kernel.data).map_err(|why| failure(&why))?;
        if unpacked.is_some() {
            lies = Kernel::packed_at(lies);
        }
        let bytes = unpacked.as_deref().unwrap_or(config.kernel.data);
        let header = Header::parse(bytes).map_err(|why| failure(&why))?;
        facts.kernel = Some(Kernel {
            at: lies,
            text_offset: header.text_offset(),
            image_size: header.footprint(bytes.len() as u64),
            movable: true,
        });
        facts.dtb = facts.dtb.map(|dtb| Placed { movable: true, ..dtb });
        facts.report = true;
        let blob = config.policy.as_ref().map(|image| image.data);
        facts.policy_digest = blob.map(policy::digest).transpose().map_err(|why| failure(&why))?;
        let policy = blob.map(Policy::from_blob).transpose().map_err(|why| failure(&why))?;
        let profile = KernelProfile::default();
        let profile = header.page_size().map_or(profile, |page| profile.with_page(page));
        Ok(Opened { policy, profile })
    }
}
