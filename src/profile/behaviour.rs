//! The choices that differ between kernels, each a type of its own.

use super::PageSize;
use crate::span::MIB;

/// Which nodes with `device_type = "memory"` a kernel takes for RAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryNodes {
    /// All of them, at any depth, whatever their `status` (up to 5.18).
    Any,
    /// Enabled children of the root (from 5.19).
    EnabledOfRoot,
}

/// When a kernel reserves `linux,elfcorehdr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElfCoreHdr {
    /// After all regions (up to 5.15).
    Last,
    /// After the static regions (6.1 to 6.18.2).
    AfterStatic,
    /// Before any region (6.12.117 and later of 6.12, from 6.18.3).
    First,
}

/// What a kernel does with a `no-map` region with `reg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoMap {
    /// Takes it out of RAM, whatever it meets (5.4).
    Removed,
    /// Leaves it unmapped, and refuses it as a whole when it meets anything reserved (5.10 to 5.16).
    RefusedOverReserved,
    /// Leaves it unmapped, and refuses it as a whole when it meets both RAM and anything reserved (from
    /// 5.17).
    RefusedOverReservedRam,
}

/// What a kernel does with a `no-map` region that it has placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DynamicNoMap {
    /// Takes it out of RAM, and reserves nothing (up to 5.10).
    Removed,
    /// Reserves it and leaves it unmapped (from 5.15).
    Marked,
}

/// What a kernel does with a `no-map` region whose set-up as a pool fails, as with `reusable` beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedNoMap {
    /// Adds it to RAM, whether it was RAM or not. What was only marked stays unmapped (up to 5.10).
    AddedToRam,
    /// Makes ordinary memory of it (5.15 to 6.12.12).
    Freed,
    /// Gives it to the allocator without mapping it; the first use oopses (6.12.13 to 7.0).
    FreedUnmapped,
    /// Keeps it unmapped (from 7.1).
    Kept,
}

/// What a kernel does with a region of several `reg` tuples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tuples {
    /// Reserves every one and knows the first (up to 6.17).
    AllFirstKnown,
    /// Reserves every one and knows none, so that no driver finds the region (6.18 to 7.1).
    AllNoneKnown,
    /// Reserves only the first (from 7.2).
    FirstOnly,
}

/// When a kernel reserves what `/memreserve/` lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memreserve {
    /// Before `/reserved-memory`, so that an entry which touches a `no-map` region makes the kernel refuse
    /// that region as a whole (up to 6.3).
    First,
    /// After the static regions and before it places the dynamic ones (6.4 to 6.12.12).
    BeforeDynamic,
    /// After all regions, so that a dynamic one may be placed over an entry (from 6.12.13).
    Last,
}

/// The order in which a kernel places dynamic regions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DynamicOrder {
    /// As the kernel's heap sort leaves keys that are all equal (up to 6.1).
    HeapSort,
    /// As in the tree (from 6.6).
    Tree,
}

/// Which regions at the edge of a window of `alloc-ranges` decide from which end the window is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowEdge {
    /// None: always from above (up to 6.1).
    Ignored,
    /// Any region, static or dynamic (6.6 to 6.12.12).
    AnyRegion,
    /// Dynamic regions that were placed before (from 6.12.13).
    DynamicRegion,
}

/// What a kernel does with more dynamic regions than its list of 64 holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DynamicOverflow {
    /// Leaves the rest without a place (up to 6.12.12, 6.12.103 and later of 6.12, from 7.1).
    Dropped,
    /// Writes past the list, on its stack, and panics (6.12.13 to 6.12.102, 6.13 to 7.0).
    Panics,
}

/// To what a kernel has a CMA pool aligned (`CMA_MIN_ALIGNMENT_BYTES`, include/linux/cma.h), on kernels with
/// huge pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CmaAlignment {
    /// The larger of a pageblock and the largest block of the page allocator (up to 5.18).
    LargestBlock,
    /// A pageblock, which is a huge page (from 5.19; include/linux/pageblock-flags.h).
    Pageblock,
}

impl CmaAlignment {
    /// Returns the alignment in bytes for kernels of this page size.
    #[must_use]
    pub const fn bytes(self, page: PageSize) -> u64 {
        match (page, self) {
            (PageSize::K4, Self::LargestBlock) => 4 * MIB,
            (PageSize::K4, Self::Pageblock) => 2 * MIB,
            (PageSize::K16, _) => 32 * MIB,
            (PageSize::K64, _) => 512 * MIB,
        }
    }
}

/// The effect of `cma=` on the pool that the tree marks `linux,cma-default`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CmaArgument {
    /// Nothing: the argument is ignored silently (5.4).
    Ignored,
    /// The pool is reserved, then refused and freed: "bypass %s node" (up to 6.18.8).
    FreesNode,
    /// No node with the property is reserved, pool or not: "Skipping dt linux,cma-default" (6.18.9 to 7.0).
    SkipsNode,
    /// The pool is never reserved (from 7.1).
    SkipsPool,
}

/// How far devices reach, as a kernel sees it (arch/arm64/mm/init.c), never beyond 4 GiB where RAM starts
/// below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DmaLimit {
    /// 4 GiB above the 4 GiB block in which RAM starts; `dma-ranges` is ignored (5.4).
    IgnoresRanges,
    /// The lowest end of any `dma-ranges`, rounded up to a power of two (5.10 to 6.6).
    RoundedUp,
    /// The lowest end of any `dma-ranges` (from 6.12).
    Exact,
    /// To 4 GiB, whatever `dma-ranges` say: built with `CONFIG_ZONE_DMA32` alone.
    Only32Bit,
    /// To the end of RAM: built without `CONFIG_ZONE_DMA` and `CONFIG_ZONE_DMA32`.
    Unlimited,
}

/// When a kernel looks for the place of the default pool above 4 GiB first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Above4Gib {
    /// Never (up to 5.10).
    Never,
    /// When RAM goes on for the pool's size above 4 GiB (5.15 to 6.12).
    IfRamReaches,
    /// When the pool's limit is that high (from 6.16).
    IfLimitReaches,
}

/// Which CMA pools of NUMA nodes a kernel has as Debian builds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodePools {
    /// None (5.4, and 6.12 to 7.1, which are built without `CONFIG_DMA_NUMA_CMA`).
    None,
    /// One of each node, of the size that `cma_pernuma=` says, before the default pool (5.10 to 6.6).
    OfArgument,
    /// One of each node where there are several, or as `numa_cma=` and `cma_pernuma=` say (from 7.2).
    Every,
}

/// Which DMA-BUF heaps a kernel makes of its CMA pools (drivers/dma-buf/heaps/cma_heap.c).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CmaHeaps {
    /// None (5.4).
    None,
    /// One of the default pool, named after the pool (5.10 to 6.16).
    DefaultByName,
    /// Two of the default pool: `default_cma_region`, and one named after the pool unless
    /// `CONFIG_DMABUF_HEAPS_CMA_LEGACY` is off (6.17 and 6.18).
    DefaultTwice,
    /// `default_cma_region`, and one of every pool, named after it (from 6.19).
    EveryPool,
}
