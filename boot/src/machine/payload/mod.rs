//! Finds what is to be booted, in whatever form the loader could bring it. The first that is there wins:
//!
//! | form | where |
//! |---|---|
//! | bundle, appended | behind the stage, as its own header says (`ringfence::appended`) |
//! | bundle, as the initrd | `linux,initrd-start` in `/chosen` |
//! | modules | `multiboot,kernel` and `multiboot,ramdisk` in `/chosen` |
//! | kernel, appended | as the first; an initrd is then an initrd |

mod bundle;
#[cfg(feature = "gzip")]
mod gzip;
mod kernel;
#[cfg(feature = "gzip")]
pub(super) mod packed;
#[cfg(feature = "zstd")]
mod zstd;

use super::{memory, overlay};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use ringfence::facts::{Kernel, Placed};
use ringfence::fdt::{self, Tree};
use ringfence::kernel_image::{HEADER_LEN, Header};
use ringfence::policy::Policy;
use ringfence::profile::PageSize;
use ringfence::span::Span;
use ringfence::survey::MemoryMap;
use ringfence_boot::layout::Layout;
use ringfence_boot::modules::{self, Modules};

/// What is to be booted, and where its bytes lie now.
#[derive(Default)]
pub(super) struct Payload {
    /// The container that the loader placed; for a kernel alone, that.
    pub bundle: Option<Span>,
    /// The kernel as the planner wants to know it.
    pub kernel: Option<Kernel>,
    /// What the kernel is still packed in.
    #[cfg(feature = "gzip")]
    pub packed: Option<packed::Packed>,
    /// Its page size, when its header says.
    pub page_size: Option<PageSize>,
    /// The initial ramdisk.
    pub initrd: Option<Placed>,
    /// The policy that travels along.
    pub policy: Option<Policy>,
    /// The bytes that it was read from.
    pub policy_blob: Option<&'static [u8]>,
    /// The device tree that takes the place of the loader's.
    pub dtb: Option<(Span, &'static [u8])>,
    /// What is done to the device tree before anything is judged.
    pub changes: overlay::Changes,
}

impl Payload {
    /// Tell whether the kernel must be unpacked to its place.
    pub(super) fn is_packed(&self) -> bool {
        #[cfg(feature = "gzip")]
        return self.packed.is_some();
        #[cfg(not(feature = "gzip"))]
        false
    }
}

/// Where a payload may lie. Nothing of it has been read.
pub(super) struct Places {
    appended: Option<Span>,
    slot: Option<Span>,
    modules: Option<Modules>,
}

/// Learn where a payload may lie.
///
/// # Errors
/// In words, when a place that the loader names is one that must not be read.
pub(super) fn places(tree: &Tree<'_>, map: &MemoryMap, layout: &Layout) -> Result<Places, String> {
    let image = layout.image();
    let header = Span::new(layout.base, HEADER_LEN as u64);
    // SAFETY: the stage's own header, mapped since its first map and never written.
    let header =
        header.map(|span| unsafe { memory::bytes(span) }).and_then(|bytes| Header::parse(bytes).ok());
    let appended = image.zip(header).and_then(|(image, header)| ringfence::appended::find(image, &header));
    let places = Places { appended, slot: slot(tree)?, modules: modules::find(tree) };
    let banks = map.ram.spans();
    for (what, span) in places.named() {
        if image.is_some_and(|image| image.overlaps(span)) {
            return Err(format!("the {what} at {span} overlaps the memory of the stage; load it elsewhere"));
        }
        if !banks.is_empty() && !banks.iter().any(|bank| bank.covers(span)) {
            return Err(format!(
                "the {what} at {span} does not lie in RAM; load it inside a /memory bank, or a smaller one"
            ));
        }
    }
    Ok(places)
}

fn slot(tree: &Tree<'_>) -> Result<Option<Span>, String> {
    let chosen = tree.find("/chosen");
    let number = |name| chosen.and_then(|node| node.prop(name)).and_then(|prop| prop.as_u64());
    let (Some(start), Some(end)) = (number("linux,initrd-start"), number("linux,initrd-end")) else {
        return Ok(None);
    };
    match Span::from_ends(start, end) {
        None => {
            Err(format!("no payload: the initrd slot {start:#x}..{end:#x} is empty; load a bundle there"))
        }
        slot => Ok(slot),
    }
}

impl Places {
    /// All of them, for people.
    fn named(&self) -> impl Iterator<Item = (&'static str, Span)> {
        let modules = self.modules.as_ref();
        [
            ("appended payload", self.appended),
            ("bundle or initrd", self.slot),
            ("kernel module", modules.map(|modules| modules.kernel)),
            ("ramdisk module", modules.and_then(|modules| modules.ramdisk)),
            ("policy module", modules.and_then(|modules| modules.policy)),
        ]
        .into_iter()
        .filter_map(|(what, span)| Some((what, span?)))
    }

    /// What must be mapped to open the payload.
    pub(super) fn spans(&self) -> Vec<Span> {
        self.named().map(|(_, span)| span).collect()
    }

    /// Open the first payload that is there.
    pub(super) fn open(self, tree: &Tree<'_>) -> Payload {
        // SAFETY: the map in use has all of `spans` for reading, and the loader is done with them.
        let with_bytes = |span: Span| (span, unsafe { memory::bytes(span) });
        let appended = self.appended.map(with_bytes);
        let slot = self.slot.map(with_bytes);
        let is_bundle = |&(_, bytes): &(Span, &'static [u8])| bytes.starts_with(&fdt::MAGIC.to_be_bytes());
        if let Some((at, bytes)) = appended.filter(is_bundle).or_else(|| slot.filter(is_bundle)) {
            return bundle::open(at, bytes, tree);
        }
        // It is no bundle, so it is what it is called.
        let initrd = slot.map(|(at, _)| Placed { at, movable: true });
        if let Some(modules) = self.modules {
            let (at, bytes) = with_bytes(modules.kernel);
            let policy = modules.policy.map(with_bytes);
            let policy_blob = policy.map(|(_, bytes)| bytes);
            let policy = policy.map(|(at, bytes)| {
                Policy::from_blob(bytes).unwrap_or_else(|why| halt!("policy module at {at}: {why}"))
            });
            return Payload {
                initrd: modules.ramdisk.map(|at| Placed { at, movable: true }).or(initrd),
                policy,
                policy_blob,
                changes: overlay::Changes { bootargs: modules.bootargs, ..Default::default() },
                ..kernel::open(at, bytes, "kernel module")
            };
        }
        match (appended, slot) {
            (Some((at, bytes)), _) => Payload { initrd, ..kernel::open(at, bytes, "appended payload") },
            (None, Some((at, _))) => {
                halt!(
                    "no payload: the initrd slot at {at} holds no bundle; load one made by `ringfence pack`"
                )
            }
            (None, None) => halt!(
                "no payload: nothing is appended to the stage, and /chosen has no linux,initrd-start and -end; load a bundle as the initrd"
            ),
        }
    }
}
