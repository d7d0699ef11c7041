//! What the stage leaves after: its log, where the policy wants it kept and Linux shows it.

use super::fault;
use super::maps::Maps;
use super::{asm, log, structured};
use ringfence::fdt::Tree;
use ringfence::prove::Proven;
use ringfence::ramoops::{self, Zones};
use ringfence::span::Span;

/// Returns the region in which the log is to be kept.
pub(super) fn place(proven: &Proven) -> Option<Span> {
    let tree = Tree::parse(proven.dtb()).ok()?;
    ramoops::find(&tree, proven.map())?.spans().first().copied()
}

/// Finds where the log is to be kept, and logs it: what is logged later must still be in it.
pub(super) fn zones(maps: &Maps, proven: &Proven) -> Option<Zones> {
    let tree = Tree::parse(proven.dtb()).ok()?;
    // If there is none or it cannot be used, the rules have reported why.
    let zones = ramoops::zones(&tree, ramoops::find(&tree, proven.map())?).ok()?;
    let spans = [Some(zones.console), zones.ring];
    if !spans.into_iter().flatten().all(|span| maps.is_writable(span)) {
        console!("log: {} is not writable RAM; the log is not kept", zones.console);
        return None;
    }
    console!("log: kept at {}", zones.console);
    Some(zones)
}

/// Writes both logs to where Linux finds them. The last thing before the kernel is entered: nothing that the
/// loader brought is needed any more.
pub(super) fn write(maps: &Maps, zones: &Zones) {
    log::with_record(|record| fill(maps, zones.console, |zone| ramoops::append(zone, record)));
    if let (Some(place), Some(ring)) = (zones.ring, structured::finish()) {
        fill(maps, place, |zone| ramoops::replace(zone, ring));
    }
}

fn fill(maps: &Maps, place: Span, write: impl FnOnce(&mut [u8])) {
    // SAFETY: the plan gives these bytes to nothing else, and what the loader brought is not used any more.
    if let Some(zone) = unsafe { maps.write(place) } {
        fault::begin("keeping the log", place.base());
        write(zone);
        asm::clean_span(place);
    }
}
