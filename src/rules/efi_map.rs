//! How the rules of an EFI boot read the firmware's memory map.

use crate::analysis::Analysis;
use crate::efi::{EfiRange, EfiUse};
use crate::facts::EfiFacts;
use crate::span::Span;
use crate::survey::Region;

/// Maximum number of ranges of the map that one region is compared with.
const MAX_RANGES: usize = 16;

/// Returns each span of each enabled region with the ranges of one use that it shares bytes with, cut to it.
/// Nothing where there is no map.
pub(super) fn shared<'s>(
    analysis: &'s Analysis<'_, '_>,
    usage: EfiUse,
) -> impl Iterator<Item = (&'s Region, Span, EfiRange)> {
    let spans = move |efi: &'s EfiFacts| {
        let regions = analysis.map.enabled();
        let spans = regions.flat_map(|region| region.spans().iter().map(move |&span| (region, span)));
        spans.flat_map(move |(region, span)| {
            let ranges = efi.map.within(span).filter(move |range| range.kind.usage() == usage);
            ranges.take(MAX_RANGES).map(move |range| (region, span, range))
        })
    };
    analysis.facts.efi.iter().flat_map(spans)
}
