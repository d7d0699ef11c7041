//! The lines in which a boot says what Linux will find, in the manner in which Linux will say it.

use crate::span::{KIB, Size};
use crate::survey::MemoryMap;
use core::fmt::Arguments;

/// Says each reserved region of a tree that is about to be booted, and its contiguous memory, one line a
/// call.
pub fn announce(map: &MemoryMap, line: &mut dyn FnMut(Arguments<'_>)) {
    for region in map.enabled() {
        for span in region.spans() {
            line(format_args!(
                "reserved mem: {:#x}..{:#x} ({} KiB) {} {} {}",
                span.base(),
                span.last(),
                span.len() / KIB,
                if region.no_map { "nomap" } else { "map" },
                if region.reusable { "reusable" } else { "non-reusable" },
                region.name
            ));
        }
    }
    if let Some(cma) = map.chosen.cma {
        let text = cma.to_bytes();
        let text = core::str::from_utf8(&text).unwrap_or("cma");
        return match cma.fixed() {
            Some(span) => {
                line(format_args!("cma: {} at {:#x} via bootargs \"{text}\"", Size(span.len()), span.base()));
            }
            // The kernel chooses the place, and says so itself.
            None => line(format_args!("cma: {} via bootargs \"{text}\"", Size(cma.size))),
        };
    }
    if let Some(region) = map.enabled().find(|region| region.is_cma() && region.cma_default) {
        for span in region.spans() {
            line(format_args!("cma: {} at {:#x} via {}", Size(span.len()), span.base(), region.path));
        }
    }
}
