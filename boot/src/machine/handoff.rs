//! The hand-off: everything to its place, then out, by the arm64 boot protocol
//! (Documentation/arch/arm64/booting.rst).

use super::asm::{self, EntryState};
use super::fault;
use super::maps::Maps;
#[cfg(feature = "packed")]
use super::payload;
use super::payload::Board;
use super::sentinel::Sentinel;
use super::{log, persistent_log, watchdog};
use alloc::vec::Vec;
use ringfence::kernel_image::{HEADER_LEN, PLACEMENT_ALIGN};
#[cfg(feature = "packed")]
use ringfence::packing::Stream;
use ringfence::payload::{Payload, PayloadError};
use ringfence::prove::Proven;
use ringfence::span::Span;
use ringfence_boot::console::Console;

/// Bytes that are at one place and belong at another.
#[derive(Clone, Copy)]
struct Move {
    what: &'static str,
    from: Span,
    to: Span,
}

impl Move {
    /// Returns where the bytes are afterwards. The place may be longer, to the end of a page or of the
    /// kernel's BSS.
    fn written(&self) -> Span {
        Span::new(self.to.base(), self.from.len()).unwrap_or(self.to)
    }
}

/// Returns the RAM that the final map must have: what `mem=` and `linux,usable-memory-range` leave to Linux
/// where the tree knows the RAM, else what the plan will write to. What the stage writes besides may be
/// beyond `mem=`, but not among what a crashed kernel left.
pub(super) fn memory_needed(proven: &Proven, besides: impl IntoIterator<Item = Span>) -> Vec<Span> {
    let map = proven.map();
    if map.usable.is_known() {
        let mut ram = map.usable.spans().to_vec();
        if map.chosen.usable.is_empty() {
            ram.extend(besides.into_iter().flat_map(|span| map.ram.within(span)));
        }
        return ram;
    }
    let places = proven.placement();
    [places.kernel, places.initrd, places.dtb].into_iter().flatten().collect()
}

/// Puts kernel, initrd and device tree at their planned places and enters the kernel. Takes only what has
/// been proven.
pub(super) fn hand_off(
    entry: &EntryState,
    maps: &Maps,
    payload: &Payload<'_>,
    proven: &Proven,
    sentinel: Option<(Sentinel, Option<Console>)>,
) -> ! {
    let places = proven.placement();
    let (Some(kernel), Some(dtb)) = (places.kernel, places.dtb) else {
        halt!("the plan has no place for the kernel or the device tree; give the board more RAM");
    };
    let source = &payload.kernel;
    let initrd = payload.ramdisk.zip(places.initrd);
    let moves = [
        source.facts.position.in_place().map(|from| Move { what: "kernel", from, to: kernel }),
        initrd.map(|(from, to)| Move { what: "initrd", from, to }),
    ];
    #[cfg(feature = "packed")]
    if let Some(stream) = source.stream {
        unpack(maps, payload, stream, kernel);
    }
    for one in in_order(moves) {
        carry(maps, one);
    }
    let copies = moves.map(|one| one.map(|one| one.written()));
    verify(maps, payload, kernel, copies).unwrap_or_else(|why| refuse(payload, &why));
    write_tree(maps, dtb, proven.dtb());

    let keep = payload
        .policy
        .as_ref()
        .and_then(|policy| policy.log)
        .and_then(|_| persistent_log::zones(maps, proven));
    let (kernel, dtb) = (kernel.base(), dtb.base());
    if kernel % PLACEMENT_ALIGN != source.facts.text_offset {
        halt!("the kernel is misplaced at {kernel:#x}; this is a defect of the planner, please report it");
    }
    let initrd = initrd.map_or(0, |(_, to)| to.base());
    // The sentinel, which is entered in the kernel's place, and then enters the kernel one level below.
    let resident = sentinel.map(|(sentinel, console)| sentinel.install(maps, proven, console, kernel));
    let level = if resident.is_some() { 1 } else { entry.el() };
    console!("hand-off: kernel {kernel:#x} dtb {dtb:#x} initrd {initrd:#x} EL{level}");
    defmt::info!("hand-off: kernel {=u64:#x} dtb {=u64:#x} initrd {=u64:#x}", kernel, dtb, initrd);
    if let Some(zones) = &keep {
        persistent_log::write(maps, zones);
    }
    log::flush();
    log::seal();
    if asm::is_serror_pending() {
        let (step, at) = fault::last_step();
        console!(
            "an SError is pending at the hand-off, which EL{} cannot take: Linux will report it; it came \
             after {step} at {at:#x}",
            entry.el()
        );
        log::flush();
    }
    watchdog::pet();
    // SAFETY: the kernel's header was checked when the bundle was opened, its place just now; kernel, initrd,
    // device tree and sentinel are clean to the point of coherency.
    unsafe { asm::enter_kernel(entry, resident.unwrap_or(kernel), dtb) }
}

/// Verifies kernel and initrd as Linux will find them. `copies` are where their bytes were carried.
fn verify(
    maps: &Maps,
    payload: &Payload<'_>,
    kernel: Span,
    [carried, initrd]: [Option<Span>; 2],
) -> Result<(), PayloadError> {
    verify_kernel(maps, payload, carried)?;
    payload.kernel.check_copy(view(maps, Span::new(kernel.base(), HEADER_LEN as u64)))?;
    match (&payload.ramdisk_seal, initrd) {
        (Some(seal), Some(initrd)) => seal.verify(view(maps, Some(initrd)), &Board),
        _ => Ok(()),
    }
}

/// Verifies the kernel at its place; a packed one as it came, once it was unpacked.
fn verify_kernel(maps: &Maps, payload: &Payload<'_>, carried: Option<Span>) -> Result<(), PayloadError> {
    let Some(seal) = &payload.kernel_seal else { return Ok(()) };
    seal.verify(view(maps, carried.or(payload.kernel.facts.position.source())), &Board)
}

/// Returns the bytes of what is verified.
fn view(maps: &Maps, span: Option<Span>) -> &[u8] {
    let Some((span, bytes)) = span.and_then(|span| Some((span, maps.view(span)?))) else {
        halt!("what is to be verified is not mapped; this is a defect of the stage, please report it");
    };
    fault::begin("reading what Linux is given", span.base());
    bytes
}

fn refuse(payload: &Payload<'_>, why: &PayloadError) -> ! {
    halt!("bundle at {}: {why}", payload.at)
}

/// Orders the moves: what another would overwrite goes first. Two cannot swap places.
fn in_order(moves: [Option<Move>; 2]) -> impl Iterator<Item = Move> {
    let mut moves = moves;
    let in_the_way = |a: Move, b: Move| a.from.base() != a.to.base() && a.to.overlaps(b.from);
    if let [Some(a), Some(b)] = moves
        && in_the_way(a, b)
    {
        if in_the_way(b, a) {
            halt!("kernel and initrd would have to swap places; load the bundle elsewhere");
        }
        moves.reverse();
    }
    moves.into_iter().flatten()
}

/// Unpacks the kernel straight to its place, and not a byte beyond.
#[cfg(feature = "packed")]
fn unpack(maps: &Maps, payload: &Payload<'_>, stream: Stream<'_>, place: Span) {
    fault::begin("writing what Linux is given", place.base());
    // SAFETY: the plan gives these bytes to nothing else; the bundle that the kernel comes from is elsewhere.
    let Some(room) = (unsafe { maps.write(place) }) else {
        halt!("the kernel cannot be unpacked to {place}; this is a defect of the planner, please report it");
    };
    watchdog::pet();
    let unpacked = payload::unpack(&payload.kernel, stream, room);
    let Some(out) = unpacked.and_then(|kernel| Span::new(place.base(), kernel.len() as u64)) else {
        verify_kernel(maps, payload, None).unwrap_or_else(|why| refuse(payload, &why));
        halt!("the packed kernel is damaged, or not as long as it says; make it anew");
    };
    // Also where the unpacker has worked, and where the kernel's BSS will be.
    asm::clean_span(place);
    console!("unpacked kernel to {:#x} ({} KiB)", out.base(), out.len() >> 10);
}

/// Writes the device tree to its place.
fn write_tree(maps: &Maps, place: Span, blob: &[u8]) {
    let span = Span::new(place.base(), blob.len() as u64).filter(|&span| place.covers(span));
    let span = span.filter(|_| place.base().is_multiple_of(8));
    fault::begin("writing what Linux is given", place.base());
    // SAFETY: the plan gives these bytes to nothing else; the blob is on the heap, inside the stage.
    let room = span.and_then(|span| unsafe { maps.write(span) });
    let (Some(span), Some(room)) = (span, room) else {
        halt!("the device tree cannot be put at {place}; this is a defect of the planner, please report it");
    };
    room.copy_from_slice(blob);
    asm::clean_span(span);
}

/// Carries out one move and cleans the bytes to the point of coherency, also those that stay: the loader need
/// not have cleaned what it loaded as an initrd.
fn carry(maps: &Maps, one: Move) {
    let (Move { what, from, to }, written) = (one, one.written());
    fault::begin("writing what Linux is given", to.base());
    if from.base() != to.base() {
        if !maps.is_writable(written) || !to.covers(written) {
            halt!(
                "the place {to} for the {what} is not writable RAM; this is a defect of the planner, \
                 please report it"
            );
        }
        let (source, place) = (from.base() as *const u8, written.base() as *mut u8);
        // SAFETY: `written` is mapped writable RAM, as just checked, that the plan gives to nothing else;
        // `from` is mapped since the bundle was read. They may overlap. No reference to either is used any
        // more.
        unsafe { core::ptr::copy(source, place, from.len() as usize) };
        watchdog::pet();
        console!("moved {what} from {:#x} to {:#x} ({} KiB)", from.base(), to.base(), from.len() >> 10);
    }
    // Also what is after the file's bytes: the kernel writes its first page tables into its BSS with the
    // caches off, where the loader may have left dirty lines.
    asm::clean_span(to);
}
