//! Finds what is to be booted, in whatever form the loader could bring it. The first that is there wins:
//!
//! | form | where |
//! |---|---|
//! | bundle, appended | after the stage, as its own header says (`ringfence::appended`) |
//! | bundle, as the initrd | `linux,initrd-start` in `/chosen` |
//! | modules | `multiboot,kernel`, `xen,linux-zimage` and their ramdisks below `/chosen` |
//! | kernel, appended | as the first; an initrd is then an initrd |

use super::fault;
use super::maps::Maps;
use super::{log, memory, sha256};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use ringfence::fdt::Tree;
use ringfence::kernel_image::Header;
use ringfence::payload::{Backend, Payload, PayloadError, appended, is_bundle};
use ringfence::policy::Policy;
use ringfence::span::Span;
use ringfence::survey::MemoryMap;
use ringfence_boot::layout::Layout;
use ringfence_boot::modules::{self, Modules};
#[cfg(feature = "packed")]
use {
    super::heap,
    ringfence::packing::{Packing, Stream},
    ringfence::payload::{Kernel, Measure, StreamError},
    ringfence_boot::regions::Wanted,
    ringfence_unpack::AppendedTreeError,
};

/// Opens payloads with the processor's instructions for SHA-256, and with the unpackers that the stage is
/// built with.
pub(super) struct Board;

impl Backend for Board {
    const VERIFIES_COPIES: bool = true;

    fn keep<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let mut copy = Vec::new();
        copy.try_reserve_exact(bytes.len()).ok()?;
        copy.extend_from_slice(bytes);
        Some(copy.leak())
    }

    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        sha256::digest(data)
    }

    fn know_policy(&self, policy: Option<&Policy>) {
        log::start_held(policy);
    }

    #[cfg(feature = "packed")]
    fn measure(&self, stream: Stream<'_>) -> Result<Measure, StreamError> {
        ringfence_unpack::measure(stream)
    }

    #[cfg(feature = "packed")]
    fn work(&self, stream: Stream<'_>, footprint: u64) -> u64 {
        ringfence_unpack::work(stream, footprint)
    }
}

/// Unpacks a kernel into the front of `place`, whose end the heap borrows for the work, and returns it.
#[cfg(feature = "packed")]
pub(super) fn unpack(
    kernel: &Kernel<'_>,
    stream: Stream<'_>,
    place: &'static mut [u8],
) -> Option<&'static [u8]> {
    let end = place.len().checked_sub(usize::try_from(kernel.work).ok()?)?;
    let (out, work) = place.split_at_mut_checked(end)?;
    if !work.is_empty() {
        heap::lend(work);
    }
    let written = ringfence_unpack::unpack(stream, out);
    if !heap::take_back() {
        halt!(
            "memory of the kernel's place is still in use; this is a defect of the stage, please report it"
        );
    }
    out.get(..written?)
}

/// What the loader brought.
pub(super) struct Opened {
    /// What is to be booted.
    pub payload: Payload<'static>,
    /// New `bootargs` for `/chosen`.
    pub bootargs: Option<Vec<u8>>,
}

/// Where a payload may be. Nothing of it has been read.
pub(super) struct Places {
    appended: Option<Span>,
    slot: Option<Span>,
    modules: Option<Modules>,
}

/// Returns what is appended to the stage.
fn appended(layout: &Layout) -> Option<Span> {
    appended::find(layout.image()?, &Header::parse(memory::header()).ok()?)
}

/// Returns where the device tree after an appended kernel is (`Image.gz-dtb`), or why it cannot be used;
/// `None` where no such kernel is appended.
#[cfg(feature = "packed")]
pub(super) fn appended_tree(
    maps: &mut Maps,
    layout: &Layout,
    devices: &[Span],
) -> Option<Result<Span, AppendedTreeError>> {
    let at = appended(layout)?;
    maps.enter(&Wanted { read: &[at], devices, ..Wanted::default() }).ok()?;
    fault::begin("reading the payload", at.base());
    let stream = Stream { packing: Packing::Gzip, bytes: maps.read(at)? };
    stream.bytes.starts_with(stream.packing.magic()).then_some(())?;
    let place = |(offset, tree): (usize, &[u8])| {
        let span = at.base().checked_add(offset as u64).and_then(|base| Span::new(base, tree.len() as u64));
        span.ok_or(AppendedTreeError::NotATree)
    };
    Some(ringfence_unpack::tree_after(stream).and_then(place))
}

/// A stage without unpackers does not know where a packed kernel ends.
#[cfg(not(feature = "packed"))]
pub(super) fn appended_tree(_: &mut Maps, _: &Layout, _: &[Span]) -> Option<Result<Span, &'static str>> {
    None
}

/// Finds where a payload may be.
///
/// # Errors
/// In words, when a place that the loader names is one that must not be read.
pub(super) fn places(tree: &Tree<'_>, map: &MemoryMap, layout: &Layout) -> Result<Places, String> {
    let image = layout.image();
    let places = Places { appended: appended(layout), slot: slot(tree)?, modules: modules::find(tree) };
    let banks = map.ram.spans();
    for (what, span) in places.named() {
        if image.is_some_and(|image| image.overlaps(span)) {
            return Err(format!("the {what} at {span} overlaps the memory of the stage; load it elsewhere"));
        }
        if !banks.is_empty() && !banks.iter().any(|bank| bank.covers(span)) {
            return Err(format!(
                "the {what} at {span} is not in RAM; load it inside a /memory bank, or a smaller one"
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
    /// Returns all of them, with names for people.
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

    /// Returns what must be mapped to open the payload.
    pub(super) fn spans(&self) -> Vec<Span> {
        self.named().map(|(_, span)| span).collect()
    }

    /// Opens the first payload that is there, for the board of `tree`.
    pub(super) fn open(self, maps: &mut Maps, tree: &Tree<'_>) -> Opened {
        let mut with_bytes = |span: Span| {
            fault::begin("reading the payload", span.base());
            let bytes = maps.read(span);
            (span, bytes.unwrap_or_else(|| halt!("what is to be booted from {span} cannot be read there")))
        };
        let appended = self.appended.map(&mut with_bytes);
        let slot = self.slot.map(&mut with_bytes);
        let bundle = |place: Option<(Span, &'static [u8])>| place.filter(|(_, bytes)| is_bundle(bytes));
        if let Some((at, bytes)) = bundle(appended).or(bundle(slot)) {
            return Opened { payload: open(at, bytes, "bundle", tree), bootargs: None };
        }
        // It is not a bundle, so it is what it is called.
        let initrd = self.slot;
        if let Some(modules) = self.modules {
            let (at, bytes) = with_bytes(modules.kernel);
            let mut payload = open(at, bytes, "kernel module", tree);
            payload.ramdisk = modules.ramdisk.or(initrd);
            if let Some((at, blob)) = modules.policy.map(&mut with_bytes) {
                payload.set_policy(blob, &Board).unwrap_or_else(|why| refuse("policy module", at, &why));
            }
            return Opened { payload, bootargs: modules.bootargs };
        }
        let Some((at, bytes)) = appended else {
            let slot = slot.map_or("is absent", |(_, bytes)| content(bytes));
            halt!(
                "no payload: nothing is appended to the stage; linux,initrd-start in /chosen {slot}; no node \
                 below /chosen or /chosen/modules is a multiboot,kernel or xen,linux-zimage with a reg; load \
                 a bundle made by `ringfence pack` as the initrd"
            );
        };
        let payload = open(at, bytes, "appended payload", tree);
        Opened { payload: Payload { ramdisk: initrd, ..payload }, bootargs: None }
    }
}

/// Returns what the initrd slot holds instead of a bundle, for the end of a sentence.
fn content(bytes: &[u8]) -> &'static str {
    match bytes {
        _ if Header::parse(bytes).is_ok() => "holds a kernel instead of a bundle",
        [b'0', b'7', b'0', b'7', b'0', ..] => "holds a cpio archive instead of a bundle",
        _ => ringfence::packing::format_of(bytes).map_or("holds no bundle", |format| format.holds),
    }
}

/// Opens the bundle or kernel in `bytes`, or refuses it.
fn open(at: Span, bytes: &'static [u8], what: &str, tree: &Tree<'_>) -> Payload<'static> {
    let boards: Vec<&str> = tree.board_names().collect();
    let payload = Payload::open(at, bytes, &boards, &Board).unwrap_or_else(|why| refuse(what, at, &why));
    if let [further, ..] = payload.further_ramdisks.as_slice() {
        console!("{what}: the ramdisk {further} is not used, because there is one before it");
    }
    defmt::info!("payload of {=u64} bytes at {=u64:#x} opened", at.len(), at.base());
    payload
}

fn refuse(what: &str, at: Span, why: &PayloadError) -> ! {
    halt!("{what} at {at}: {why}")
}
