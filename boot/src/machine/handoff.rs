//! The hand-off: everything to its place, then out, by the arm64 boot protocol
//! (Documentation/arch/arm64/booting.rst).

use super::asm::{self, EntryState};
use super::maps::Map;
use super::{log, persistent_log};
#[cfg(feature = "packed")]
use super::{memory, payload};
use alloc::vec::Vec;
use ringfence::kernel_image::PLACEMENT_ALIGN;
#[cfg(feature = "packed")]
use ringfence::packing::Stream;
#[cfg(feature = "packed")]
use ringfence::payload::Kernel;
use ringfence::payload::Payload;
use ringfence::prove::Proven;
use ringfence::span::Span;

/// Bytes that lie at one place and belong at another.
#[derive(Clone, Copy)]
struct Move {
    what: &'static str,
    from: Span,
    to: Span,
}

/// The RAM that the final map must have: all of it where the tree knows it, but no more than
/// `linux,usable-memory-range` leaves, else what the plan will write to.
pub(super) fn memory_needed(proven: &Proven) -> Vec<Span> {
    let map = proven.map();
    // What a crashed kernel left must not even be in reach.
    let known = if map.chosen.usable.is_empty() { &map.ram } else { &map.usable };
    if known.is_known() {
        return known.spans().to_vec();
    }
    let places = proven.placement();
    [places.kernel, places.initrd, places.dtb].into_iter().flatten().collect()
}

/// Put kernel, initrd and device tree where the plan wants them and enter the kernel. Takes only what has been
/// proven.
pub(super) fn hand_off(entry: &EntryState, map: &Map, payload: &Payload<'_>, proven: &Proven) -> ! {
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
        unpack(map, source, stream, kernel);
    }
    for one in in_order(moves) {
        carry(map, one);
    }
    write_tree(map, dtb, proven.dtb());

    let keep = payload
        .policy
        .as_ref()
        .and_then(|policy| policy.log)
        .and_then(|_| persistent_log::zones(map, proven));
    let (kernel, dtb) = (kernel.base(), dtb.base());
    if kernel % PLACEMENT_ALIGN != source.facts.text_offset {
        halt!(
            "the kernel does not lie well at {kernel:#x}; this is a defect of the planner, please report it"
        );
    }
    let initrd = initrd.map_or(0, |(_, to)| to.base());
    console!("hand-off: kernel {kernel:#x} dtb {dtb:#x} initrd {initrd:#x} EL{}", entry.el());
    defmt::info!("hand-off: kernel {=u64:#x} dtb {=u64:#x} initrd {=u64:#x}", kernel, dtb, initrd);
    if let Some(zones) = &keep {
        persistent_log::write(zones);
    }
    log::flush();
    log::seal();
    // SAFETY: the kernel's header was checked when the bundle was opened, its place just now; kernel, initrd and
    // device tree are clean to the point of coherency.
    unsafe { asm::enter_kernel(entry, kernel, dtb) }
}

/// What would be overwritten by another move goes first; two that want each other's place cannot be.
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

/// Unpack the kernel straight to its place, and not a byte beyond: the ledger gave it to nobody else, and the
/// bundle that it comes from lies elsewhere.
#[cfg(feature = "packed")]
fn unpack(map: &Map, kernel: &Kernel<'_>, stream: Stream<'_>, place: Span) {
    if !map.is_writable(place) {
        halt!("the kernel cannot be unpacked to {place}; this is a defect of the planner, please report it");
    }
    // SAFETY: mapped writable RAM, as just checked, that nobody else uses.
    let len = payload::unpack(kernel, stream, unsafe { memory::bytes_to_fill(place) });
    let Some(out) = len.and_then(|len| Span::new(place.base(), len as u64)) else {
        halt!("the packed kernel is damaged, or not as long as it says; make it anew");
    };
    asm::clean_span(out);
    console!("unpacked kernel to {:#x} ({} KiB)", out.base(), out.len() >> 10);
}

/// Write the device tree to its place.
fn write_tree(map: &Map, place: Span, blob: &[u8]) {
    let written = Span::new(place.base(), blob.len() as u64).filter(|&span| place.covers(span));
    match written.filter(|&span| place.base().is_multiple_of(8) && map.is_writable(span)) {
        Some(span) => {
            // SAFETY: `span` is mapped writable RAM, as just checked, that the ledger gave to nobody else; the
            // blob is on the heap, inside the stage, which no place overlaps.
            unsafe { core::ptr::copy_nonoverlapping(blob.as_ptr(), span.base() as *mut u8, blob.len()) };
            asm::clean_span(span);
        }
        None => halt!(
            "the device tree cannot be put at {place}; this is a defect of the planner, please report it"
        ),
    }
}

/// Carry out one move and clean the bytes to the point of coherency, also those that lie well: the loader need
/// not have cleaned what it loaded as an initrd.
fn carry(map: &Map, Move { what, from, to }: Move) {
    if from.base() != to.base() {
        if !map.is_writable(to) || to.len() < from.len() {
            halt!(
                "the place {to} for the {what} is no writable RAM; this is a defect of the planner, please report it"
            );
        }
        let blocks = from.len() & !63;
        if to.base() < from.base() || !to.overlaps(from) {
            // SAFETY: `to` is mapped writable RAM that the ledger gave to nobody else; `from` is mapped since the
            // bundle was read; they overlap only downwards.
            unsafe { asm::copy_blocks(to.base(), from.base(), blocks) };
            let (rest_to, rest_from) = (to.base() + blocks, from.base() + blocks);
            // SAFETY: as above, for the last bytes.
            unsafe {
                core::ptr::copy(rest_from as *const u8, rest_to as *mut u8, (from.len() - blocks) as usize)
            };
        } else {
            // SAFETY: as above; `copy` takes an overlap in either direction.
            unsafe { core::ptr::copy(from.base() as *const u8, to.base() as *mut u8, from.len() as usize) };
        }
        console!("moved {what} from {:#x} to {:#x} ({} KiB)", from.base(), to.base(), from.len() >> 10);
    }
    if let Some(written) = Span::new(to.base(), from.len()) {
        asm::clean_span(written);
    }
}
