//! How far devices reach, which bounds the default CMA pool (arch/arm64/mm/init.c).

use crate::fdt::{Bus, Tree};
use crate::profile::DmaLimit;
use crate::span::{GIB, Span};

/// The end of 32-bit DMA.
pub(super) const LIMIT_32: u64 = 4 * GIB;

/// Returns the kernel's limit for DMA (`arm64_dma_phys_limit`) with this [`reach`] and this ascending RAM,
/// exclusive. It may be beyond the end of RAM, where the kernel then sets it.
pub(crate) fn limit(reach: impl FnOnce() -> Option<u64>, ram: &[Span], how: DmaLimit) -> u64 {
    let end = ram.last().map_or(u64::MAX, |bank| bank.end());
    let start = ram.first().map_or(0, |bank| bank.base());
    let reach = || reach().unwrap_or(u64::MAX);
    match how {
        DmaLimit::IgnoresRanges => (start / LIMIT_32 + 1).saturating_mul(LIMIT_32),
        // Where RAM starts above 4 GiB, no zone is of use (`max_zone_phys`).
        DmaLimit::RoundedUp if start >= LIMIT_32 => end,
        DmaLimit::RoundedUp => match reach().checked_next_power_of_two().unwrap_or(u64::MAX).min(LIMIT_32) {
            limit if start >= limit => LIMIT_32,
            limit => limit,
        },
        DmaLimit::Exact if start >= LIMIT_32 => reach(),
        DmaLimit::Exact => reach().min(LIMIT_32),
        DmaLimit::Only32Bit => LIMIT_32,
        DmaLimit::Unlimited => u64::MAX,
    }
}

/// Returns the lowest end of the `dma-ranges` of any bus in use, exclusive; `None` when none has any
/// (drivers/of/address.c, `of_dma_get_max_cpu_address`).
pub(crate) fn reach(tree: &Tree<'_>) -> Option<u64> {
    // Few trees have any, and one look at all properties is a tenth of the walk over the nodes.
    tree.props_named("dma-ranges").next()?;
    // The buses above the node at hand, from the root down.
    let mut open = alloc::vec![Bus::root(tree)?];
    let mut skip_below: Option<usize> = None;
    let mut lowest: Option<u64> = None;
    for node in tree.nodes().skip(1) {
        if skip_below.is_some_and(|depth| node.depth() > depth) {
            continue;
        }
        skip_below = None;
        open.truncate(node.depth());
        let (Some(bus), true) = (open.last(), node.is_enabled()) else {
            skip_below = Some(node.depth());
            continue;
        };
        lowest = lowest.into_iter().chain(bus.dma_end(node)).min();
        if node.children().next().is_none() {
            continue;
        }
        match bus.below_for_dma(node) {
            Some(below) => open.push(below),
            None => skip_below = Some(node.depth()),
        }
    }
    lowest
}
