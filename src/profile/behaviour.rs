//! The choices that differ between kernels, each a type of its own.

use super::PageSize;
use crate::span::MIB;

/// What a kernel does with a `no-map` region with `reg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoMap {
    /// Leaves it unmapped, and refuses it as a whole when it meets RAM and anything reserved (from 5.17).
    RefusedOverReservedRam,
}

/// What a kernel does with a `no-map` region that it has placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DynamicNoMap {
    /// Reserves it and leaves it unmapped (from 5.15).
    Marked,
}

/// What a kernel does with a `no-map` region whose set-up as a pool fails, as with `reusable` beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedNoMap {
    /// Makes ordinary memory of it (up to 6.12.12).
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
    /// A pageblock, which is a huge page (from 5.19; include/linux/pageblock-flags.h).
    Pageblock,
}

impl CmaAlignment {
    /// Returns the alignment in bytes for kernels of this page size.
    #[must_use]
    pub const fn bytes(self, page: PageSize) -> u64 {
        match page {
            PageSize::K4 => 2 * MIB,
            PageSize::K16 => 32 * MIB,
            PageSize::K64 => 512 * MIB,
        }
    }
}

/// What `cma=` makes of the pool that the tree calls `linux,cma-default`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CmaArgument {
    /// The pool is reserved, then refused and freed: "bypass %s node" (up to 6.18.8).
    FreesNode,
    /// The pool is never reserved: "Skipping dt linux,cma-default" (from 6.18.9).
    SkipsNode,
}

/// When a kernel looks for the place of the default pool above 4 GiB first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Above4Gib {
    /// When RAM goes on for the pool's size above 4 GiB (5.15 to 6.12).
    IfRamReaches,
    /// When the pool's limit is that high (from 6.16).
    IfLimitReaches,
}
