//! RF314: a DMA-BUF heap would have the name of another.

use super::{Doc, Kernels, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::heaps::{Heap, NamedPool, UNDESCRIBED, heaps};
use crate::profile::CmaHeaps;
use crate::survey::Region;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(314),
    name: "heap-name-taken",
    title: "two DMA-BUF heaps would have the same name",
    severity: Severity::Warning,
    kernels: Kernels::Where(|kernel| kernel.cma_heaps != CmaHeaps::None),
    why: r"
        The name of a CMA pool must leave the names of DMA-BUF heaps unique. A program allocates from a pool
        by its heap, the device `/dev/dma_heap/NAME`. Kernels from 6.19 on make one of every CMA pool, named
        after its node with the unit address and cut after 63 characters, and `default_cma_region` of the
        default pool; 6.17 and 6.18 make these two of the default pool, and kernels from 5.10 on only the one
        named after it. `system` is the page allocator, and `reserved` a default pool that no node describes.
        Of two heaps with one name the kernel registers the first, with a warning in its log. Programs then
        get memory of another pool, or none.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    // Any `cma=` replaces the tree's default pool, and a size of 0 leaves none.
    let arg = analysis.cma_arg();
    let is_pool = |region: &&Region| region.is_cma() && !(region.cma_default && arg.is_some());
    let regions: Vec<&Region> = analysis.map.enabled().filter(is_pool).collect();
    let has_built_in =
        !regions.iter().any(|region| region.cma_default) && arg.is_none_or(|arg| arg.size != 0);
    let mut pools: Vec<NamedPool<'_>> = regions
        .iter()
        .map(|region| NamedPool { name: region.name.as_str(), is_default: region.cma_default })
        .collect();
    pools.extend(has_built_in.then_some(NamedPool { name: UNDESCRIBED, is_default: true }));
    let heaps = heaps(analysis.profile.cma_heaps, &pools);
    let region_of = |heap: &Heap<'_>| heap.pool.and_then(|index| regions.get(index)).copied();
    for refused in heaps.iter().filter(|heap| heap.is_refused) {
        let Some(first) = heaps.iter().find(|heap| heap.name == refused.name) else { continue };
        // Of one pool under one name, nothing is lost.
        if first.pool == refused.pool {
            continue;
        }
        let Some(region) = region_of(refused).or_else(|| region_of(first)) else { continue };
        let other = match (region_of(refused), region_of(first)) {
            (Some(_), Some(other)) => other.name.as_str(),
            (Some(_), None) if first.pool.is_none() => "the page allocator",
            _ => "the default pool",
        };
        let name = refused.name;
        out.report(region, format_args!("the DMA-BUF heap `{name}` would stand for {other}, too"))
            .help("give the node another name");
    }
}
