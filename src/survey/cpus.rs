//! `/cpus`: where spin-table processors wait for their release.

use crate::fdt::Tree;
use crate::ledger;
use crate::span::{KIB, Span, align_down};
use alloc::vec::Vec;

/// Bytes around a release address that belong to the waiting processor: the granule in which firmware sets
/// memory apart.
const GRANULE: u64 = 4 * KIB;

/// Returns the granules of every `cpu-release-addr` of processors with `enable-method = "spin-table"`:
/// ascending and disjoint. The loop that they run is near it (Documentation/arch/arm64/booting.rst, "CPU
/// spin-table").
pub(super) fn release_pages(tree: &Tree<'_>) -> Vec<Span> {
    let Some(cpus) = tree.find("/cpus") else { return Vec::new() };
    let spins = cpus.children().filter(|cpu| {
        cpu.prop("enable-method")
            .is_some_and(|methods| methods.strings().any(|method| method == "spin-table"))
    });
    let addresses = spins.filter_map(|cpu| cpu.prop("cpu-release-addr")?.as_u64());
    ledger::union(addresses.filter_map(|at| Span::new(align_down(at, GRANULE), GRANULE)).collect())
}
