//! The fence until Linux starts: carveouts are taken out of the firmware's translation tables, where it
//! really does that.

use crate::firmware::{attributes, map};
use crate::hold::Held;
use crate::refusal::Result;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use ringfence::efi::{EfiUse, HoldKind, PAGE};
use ringfence::span::Span;
use uefi::Status;

/// Takes what is held of each carveout out of the firmware's tables, and says whether that is so: the
/// processor is asked for a translation, because firmware has answered success and done nothing.
pub(crate) fn close(held: &Held) -> Result<()> {
    let map = map::read()?;
    let carveouts = held.proven().holds().iter().filter(|hold| hold.kind == HoldKind::Reserved);
    // What the firmware itself uses until Linux starts must stay mapped.
    let reserved = carveouts.flat_map(|hold| {
        let ranges = map.within(hold.span).filter(|range| range.kind.usage() == EfiUse::Reserved);
        ranges.filter_map(|range| Some((&*hold.name, range.span.inward(PAGE)?)))
    });
    let spans: Vec<(&str, Span)> = reserved.collect();
    match spans.iter().find_map(|&(name, span)| unmap(name, span).err()) {
        None if spans.is_empty() => {}
        None => console!("fence: the carveouts are not mapped until Linux starts"),
        Some(why) => console!("fence: the carveouts stay mapped until Linux starts: {why}"),
    }
    Ok(())
}

/// Unmaps a span; an error says why it is still mapped.
fn unmap(name: &str, span: Span) -> core::result::Result<(), String> {
    match attributes::unmap(span) {
        Err(Status::NOT_FOUND) => Err("the firmware has no memory attribute protocol".to_string()),
        Err(why) => Err(alloc::format!("the firmware does not unmap {name} {span} ({why})")),
        Ok(()) => match [span.base(), span.last()].into_iter().find(|&at| attributes::is_mapped(at)) {
            None => Ok(()),
            Some(at) => {
                Err(alloc::format!("the firmware says that it unmaps {name}, and {at:#x} can be read"))
            }
        },
    }
}
