//! Kernel profiles: what differs between kernels in how they take a memory map.
//!
//! Every field was read in the source of those versions or seen in boots of them. To add a kernel, add its
//! row to [`RELEASES`] and its boots to the scenarios.

mod behaviour;
mod build;
mod page;
mod release;
mod releases;
mod wording;

pub use behaviour::{
    Above4Gib, CmaAlignment, CmaArgument, CmaHeaps, DmaLimit, DynamicNoMap, DynamicOrder, DynamicOverflow,
    ElfCoreHdr, FailedNoMap, MemoryNodes, Memreserve, NoMap, NodePools, Tuples, WindowEdge,
};
pub use build::{Build, Room};
pub use page::PageSize;
pub use release::{BadVersion, Choice, Family, Named, Release};
pub use releases::{RELEASES, families};
pub use wording::{IgnoredTuples, SizeUnit, Wording};

/// Releases of Linux that treat reserved memory alike: those of its family from `since` on, up to the next
/// profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelProfile {
    /// The first release that behaves so.
    pub since: Release,
    /// Page size of the kernel.
    pub page: PageSize,
    /// Which nodes are RAM.
    pub memory_nodes: MemoryNodes,
    /// How many windows of `linux,usable-memory-range` it reads; further ones do not count
    /// (drivers/of/fdt.c, `MAX_USABLE_RANGES`).
    pub usable_windows: usize,
    /// Whether a `/reserved-memory` with a unit address is found. Where it is not, all of it is ignored
    /// silently.
    pub finds_unit_address: bool,
    /// Whether regions inside other nodes of `/reserved-memory` are read, too.
    pub reads_nested: bool,
    /// Whether a `status` without a value disables a node. Where it does not, it is none (drivers/of/fdt.c,
    /// `of_fdt_device_is_available`).
    pub empty_status_disables: bool,
    /// What `no-map` does to a region with `reg`.
    pub no_map: NoMap,
    /// What `no-map` does to a region that the kernel has placed.
    pub dynamic_no_map: DynamicNoMap,
    /// What becomes of a `no-map` region whose set-up as a pool fails.
    pub failed_no_map: FailedNoMap,
    /// Whether the partial pages at the ends of an unaligned `no-map` region stay mapped.
    pub maps_partial_pages: bool,
    /// What happens to a region of several `reg` tuples.
    pub tuples: Tuples,
    /// When `/memreserve/` is reserved.
    pub memreserve: Memreserve,
    /// When the header of a crashed kernel, `linux,elfcorehdr`, is reserved.
    pub elfcorehdr: ElfCoreHdr,
    /// Whether the first 64 KiB of the kernel, which hold its header, are reserved with the rest of it.
    pub reserves_head: bool,
    /// Whether regions are set up in a second pass, after the linear map (drivers/of/of_reserved_mem.c from
    /// 6.12.13 on; before, drivers/of/fdt.c sets up each from a sorted table).
    pub two_phases: bool,
    /// The order in which dynamic regions are placed.
    pub dynamic_order: DynamicOrder,
    /// Which regions at the edge of a window of `alloc-ranges` decide from which end it is filled.
    pub window_edge: WindowEdge,
    /// Whether a malformed `alloc-ranges` is ignored, so that the region lands anywhere, instead of the
    /// region.
    pub ignores_bad_ranges: bool,
    /// Most regions, static and dynamic, that keep an owner; `None` where the table grows.
    pub region_limit: Option<usize>,
    /// What happens to more dynamic regions than 64.
    pub dynamic_overflow: DynamicOverflow,
    /// Whether a region whose set-up as a pool fails is no longer known at all: its phandle finds nothing,
    /// and no overlap with it is reported.
    pub forgets_failed: bool,
    /// Whether a kernel that has no entry left for a reservation panics instead of going without.
    pub panics_when_full: bool,
    /// Whether the linear map marks the kernel's text as unmapped for a while, which takes entries twice
    /// (`map_mem`).
    pub marks_kernel: bool,
    /// To what a CMA pool must be aligned.
    pub cma_alignment: CmaAlignment,
    /// What `cma=` does to the default pool of the tree.
    pub cma_argument: CmaArgument,
    /// How far devices reach, which bounds the default pool.
    pub dma_limit: DmaLimit,
    /// Whether the default pool is placed before the kernel takes memory for its page tables, so that its
    /// place is certain.
    pub cma_before_tables: bool,
    /// Whether the limit of a `cma=` is cut to the reach of devices.
    pub cma_below_dma_limit: bool,
    /// Whether a fixed `cma=` that straddles the end of RAM has an error of its own.
    pub cma_checks_straddling: bool,
    /// Whether the default pool is looked for above 4 GiB first.
    pub cma_above_4gib: Above4Gib,
    /// Which CMA pools of NUMA nodes it makes.
    pub node_pools: NodePools,
    /// Which DMA-BUF heaps it makes of CMA pools.
    pub cma_heaps: CmaHeaps,
    /// The words of its log.
    pub log: Wording,
    /// How it is built: as Debian does, unless the caller knows better.
    pub build: Build,
}

impl Default for KernelProfile {
    /// Returns 6.12 with 4 KiB pages.
    fn default() -> Self {
        releases::V6_12_117
    }
}

impl KernelProfile {
    /// Returns the same profile with another page size.
    #[must_use]
    pub const fn with_page(self, page: PageSize) -> Self {
        Self { page, ..self }
    }

    /// Returns `CMA_MIN_ALIGNMENT_BYTES` in bytes. A pool off this boundary is refused and its memory
    /// released.
    #[must_use]
    pub const fn cma_align(&self) -> u64 {
        self.cma_alignment.bytes(self.page)
    }
}
