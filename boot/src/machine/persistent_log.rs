//! What the stage leaves behind: its log, where the policy wants it kept and Linux shows it.

use super::maps::Map;
use super::{asm, log, memory, structured};
use ringfence::fdt::Tree;
use ringfence::prove::Proven;
use ringfence::ramoops::{self, Zones};
use ringfence::span::Span;

/// Find where the log is to be kept, and say so: what is said later must still be in it.
pub(super) fn zones(map: &Map, proven: &Proven) -> Option<Zones> {
    let tree = Tree::parse(proven.dtb()).ok()?;
    // The rules have said why, when there is none or it cannot be used.
    let zones = ramoops::zones(&tree, ramoops::find(&tree, proven.map())?).ok()?;
    let spans = [Some(zones.console), zones.ring];
    if !spans.into_iter().flatten().all(|span| map.is_writable(span)) {
        console!("log: {} is no RAM that can be written; it is not kept", zones.console);
        return None;
    }
    console!("log: kept at {}", zones.console);
    Some(zones)
}

/// Write both logs to where Linux finds them. The last thing before the kernel is entered: by now nothing that the
/// loader brought is needed any more.
pub(super) fn write(zones: &Zones) {
    log::with_record(|record| fill(zones.console, |zone| ramoops::append(zone, record)));
    if let (Some(place), Some(ring)) = (zones.ring, structured::span()) {
        // SAFETY: the stage's own memory; nothing is logged while this is copied.
        let ring = unsafe { memory::bytes(ring) };
        fill(place, |zone| ramoops::replace(zone, ring));
    }
}

fn fill(place: Span, write: impl FnOnce(&mut [u8])) {
    // SAFETY: `zones` saw it mapped writable; the ledger gave it to nobody else, and the stage lies elsewhere.
    write(unsafe { memory::bytes_to_fill(place) });
    asm::clean_span(place);
}
