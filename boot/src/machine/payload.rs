//! Finds what is to be booted. So far in one form: a bundle in the initrd slot. Another form is another function
//! that gives a [`Payload`], tried in `open`.

use super::{memory, sha256};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use ringfence::facts::{Kernel, Placed};
use ringfence::fdt::Tree;
use ringfence::fit::{Compression, Fit, Image};
use ringfence::kernel_image::Header;
use ringfence::policy::Policy;
use ringfence::profile::PageSize;
use ringfence::span::Span;
use ringfence::survey::MemoryMap;
use ringfence_boot::layout::Layout;

/// What is to be booted, and where its bytes lie now.
pub(super) struct Payload {
    /// The container that the loader placed.
    pub bundle: Span,
    /// The kernel as the planner wants to know it.
    pub kernel: Kernel,
    /// Its page size, when its header says.
    pub page_size: Option<PageSize>,
    /// The initial ramdisk.
    pub initrd: Option<Placed>,
    /// The policy that travels along.
    pub policy: Option<Policy>,
    /// The device tree that takes the place of the loader's.
    pub dtb: Option<(Span, &'static [u8])>,
}

/// Read where the loader put the payload: `linux,initrd-start` up to `linux,initrd-end` in `/chosen`.
pub(super) fn slot(tree: &Tree<'_>, map: &MemoryMap, layout: &Layout) -> Result<Span, String> {
    let chosen = tree.find("/chosen");
    let number = |name| chosen.and_then(|node| node.prop(name)).and_then(|prop| prop.as_u64());
    let (Some(start), Some(end)) = (number("linux,initrd-start"), number("linux,initrd-end")) else {
        return Err(
            "no payload: /chosen has no linux,initrd-start and -end; load a bundle as the initrd".into()
        );
    };
    let span = Span::from_ends(start, end).ok_or_else(|| {
        format!("no payload: the initrd slot {start:#x}..{end:#x} is empty; load a bundle there")
    })?;
    if layout.image().is_some_and(|image| image.overlaps(span)) {
        return Err(format!("the bundle at {span} overlaps the memory of the stage; load it elsewhere"));
    }
    let banks = map.ram.spans();
    if !banks.is_empty() && !banks.iter().any(|bank| bank.covers(span)) {
        return Err(format!(
            "the bundle at {span} does not lie in RAM; load it inside a /memory bank, or a smaller one"
        ));
    }
    Ok(span)
}

/// Open the payload: check the container, choose a configuration, verify every image.
pub(super) fn open(slot: Span, tree: &Tree<'_>) -> Payload {
    // SAFETY: the map in use has the slot for reading, and the loader is done with it.
    let bytes = unsafe { memory::bytes(slot) };
    let fit =
        Fit::parse(bytes).unwrap_or_else(|why| refuse!("the initrd slot at {slot} holds no bundle: {why}"));
    let compatible = tree.root().prop("compatible");
    let boards: Vec<&str> = compatible.iter().flat_map(|prop| prop.strings()).collect();
    let config = fit.select(&boards).unwrap_or_else(|why| refuse!("bundle at {slot}: {why}"));
    for image in config.images() {
        if let Err(why) = image.verify_with(&sha256::digest) {
            refuse!("bundle at {slot}: {why}");
        }
        defmt::info!("image {=str} verified, {=usize} bytes", image.name.as_str(), image.data.len());
    }
    if config.kernel.compression != Compression::None {
        refuse!("bundle at {slot}: image {} is packed; put a plain arm64 Image in", config.kernel.name);
    }
    let header = Header::parse(config.kernel.data)
        .unwrap_or_else(|why| refuse!("bundle at {slot}: image {} is no kernel: {why}", config.kernel.name));
    let at = |image: &Image<'_>| {
        Span::new(slot.base().saturating_add(image.data_offset), image.data.len() as u64).unwrap_or_else(
            || refuse!("bundle at {slot}: image {} is empty; make the bundle anew", image.name),
        )
    };
    let policy = config.policy.as_ref().map(|image| {
        Policy::from_blob(image.data).unwrap_or_else(|why| refuse!("bundle at {slot}: policy: {why}"))
    });
    Payload {
        bundle: slot,
        kernel: Kernel {
            at: at(&config.kernel),
            text_offset: header.text_offset(),
            image_size: header.footprint(config.kernel.data.len() as u64),
            movable: true,
        },
        page_size: header.page_size(),
        initrd: config.ramdisk.as_ref().map(|image| Placed { at: at(image), movable: true }),
        policy,
        dtb: config.fdt.as_ref().map(|image| (at(image), image.data)),
    }
}
