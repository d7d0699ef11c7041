//! The table of kernels.

use super::behaviour::{
    Above4Gib, CmaAlignment, CmaArgument, CmaHeaps, DmaLimit, DynamicNoMap, DynamicOrder, DynamicOverflow,
    ElfCoreHdr, FailedNoMap, MemoryNodes, Memreserve, NoMap, NodePools, Tuples, WindowEdge,
};
use super::build::{Build, Room};
use super::wording::{IgnoredTuples, SizeUnit, Wording};
use super::{KernelProfile, PageSize, Release};
use crate::span::MIB;

/// Every release from which a kernel behaves otherwise than before, or from which it is known to behave
/// alike; oldest first.
pub const RELEASES: &[KernelProfile] = &[
    V5_4, V5_10, V5_15, V6_1, V6_6, V6_12, V6_12_13, V6_12_103, V6_12_117, V6_16, V6_17, V6_18, V6_18_3,
    V6_18_9, V6_19, V7_0, V7_1, V7_2, V7_3,
];

/// Returns the latest profile of every family, oldest first.
pub fn families() -> impl Iterator<Item = &'static KernelProfile> {
    let next = RELEASES.iter().skip(1).map(|profile| Some(profile.since.family())).chain([None]);
    RELEASES
        .iter()
        .zip(next)
        .filter(|(profile, next)| Some(profile.since.family()) != *next)
        .map(|(profile, _)| profile)
}

/// As of 5.4.119; 5.4.117 and 5.4.118 had `no-map` of 5.10.
const V5_4: KernelProfile = KernelProfile {
    since: Release::new(5, 4, 0),
    page: PageSize::K4,
    memory_nodes: MemoryNodes::Any,
    usable_windows: 1,
    finds_unit_address: false,
    reads_nested: true,
    empty_status_disables: true,
    no_map: NoMap::Removed,
    dynamic_no_map: DynamicNoMap::Removed,
    failed_no_map: FailedNoMap::AddedToRam,
    maps_partial_pages: true,
    tuples: Tuples::AllFirstKnown,
    memreserve: Memreserve::First,
    elfcorehdr: ElfCoreHdr::Last,
    reserves_head: true,
    two_phases: false,
    dynamic_order: DynamicOrder::HeapSort,
    window_edge: WindowEdge::Ignored,
    ignores_bad_ranges: false,
    region_limit: Some(32),
    dynamic_overflow: DynamicOverflow::Dropped,
    forgets_failed: false,
    panics_when_full: false,
    marks_kernel: true,
    cma_alignment: CmaAlignment::LargestBlock,
    cma_argument: CmaArgument::Ignored,
    dma_limit: DmaLimit::IgnoresRanges,
    cma_before_tables: true,
    cma_below_dma_limit: true,
    cma_checks_straddling: true,
    cma_above_4gib: Above4Gib::Never,
    node_pools: NodePools::None,
    cma_heaps: CmaHeaps::None,
    log: Wording {
        scan: "OF: fdt: ",
        no_node: false,
        bad_reg_lines: 1,
        ignored_tuples: IgnoredTuples::Silent,
        table_full: "OF: reserved mem: not enough space all defined regions.",
        unplaced_size: false,
        region_lines: false,
        dma_pool_size: SizeUnit::Mib,
        skipped_node: "OF: reserved mem: Skipping dt linux,cma-default for \"cma=\" kernel param.",
        skipped_twice: false,
        cma_node: "",
        cma_asked_size: false,
        cma_no_area_fails: false,
    },
    build: Build {
        default_cma: 64 * MIB,
        cma_areas: 20,
        room: Room::of_efi(128, 256),
        restricted_pools: false,
        clears_on_alloc: true,
        maps_single_pages: true,
    },
};

const V5_10: KernelProfile = KernelProfile {
    since: Release::new(5, 10, 0),
    no_map: NoMap::RefusedOverReserved,
    region_limit: Some(64),
    cma_argument: CmaArgument::FreesNode,
    dma_limit: DmaLimit::RoundedUp,
    cma_before_tables: false,
    node_pools: NodePools::OfArgument,
    cma_heaps: CmaHeaps::DefaultByName,
    log: Wording { table_full: "OF: reserved mem: not enough space for all defined regions.", ..V5_4.log },
    ..V5_4
};

const V5_15: KernelProfile = KernelProfile {
    since: Release::new(5, 15, 0),
    dynamic_no_map: DynamicNoMap::Marked,
    failed_no_map: FailedNoMap::Freed,
    reserves_head: false,
    cma_above_4gib: Above4Gib::IfRamReaches,
    ..V5_10
};

const V6_1: KernelProfile = KernelProfile {
    since: Release::new(6, 1, 0),
    memory_nodes: MemoryNodes::EnabledOfRoot,
    usable_windows: 2,
    finds_unit_address: true,
    reads_nested: false,
    no_map: NoMap::RefusedOverReservedRam,
    elfcorehdr: ElfCoreHdr::AfterStatic,
    cma_alignment: CmaAlignment::Pageblock,
    log: Wording { unplaced_size: true, ..V5_15.log },
    build: Build { room: Room::of_efi(1024, 256), ..V5_15.build },
    ..V5_15
};

const V6_6: KernelProfile = KernelProfile {
    since: Release::new(6, 6, 0),
    memreserve: Memreserve::BeforeDynamic,
    dynamic_order: DynamicOrder::Tree,
    window_edge: WindowEdge::AnyRegion,
    log: Wording { region_lines: true, cma_node: " on node -1", ..V6_1.log },
    build: Build { room: Room::of_efi(1024, 512), ..V6_1.build },
    ..V6_1
};

const V6_12: KernelProfile = KernelProfile {
    since: Release::new(6, 12, 0),
    reserves_head: true,
    panics_when_full: true,
    dma_limit: DmaLimit::Exact,
    node_pools: NodePools::None,
    ..V6_6
};

/// The two passes of 6.13 came with this release.
const V6_12_13: KernelProfile = KernelProfile {
    since: Release::new(6, 12, 13),
    failed_no_map: FailedNoMap::FreedUnmapped,
    memreserve: Memreserve::Last,
    two_phases: true,
    window_edge: WindowEdge::DynamicRegion,
    dynamic_overflow: DynamicOverflow::Panics,
    log: Wording {
        scan: "OF: reserved mem: ",
        no_node: true,
        bad_reg_lines: 2,
        ignored_tuples: IgnoredTuples::Counted,
        ..V6_12.log
    },
    ..V6_12
};

/// The table that grows came with this release.
const V6_12_103: KernelProfile = KernelProfile {
    since: Release::new(6, 12, 103),
    region_limit: None,
    dynamic_overflow: DynamicOverflow::Dropped,
    ..V6_12_13
};

/// The rounding of `no-map` to pages came with this release.
pub(super) const V6_12_117: KernelProfile = KernelProfile {
    since: Release::new(6, 12, 117),
    maps_partial_pages: false,
    elfcorehdr: ElfCoreHdr::First,
    ..V6_12_103
};

const V6_16: KernelProfile = KernelProfile {
    since: Release::new(6, 16, 0),
    region_limit: None,
    cma_below_dma_limit: false,
    cma_checks_straddling: false,
    cma_above_4gib: Above4Gib::IfLimitReaches,
    log: Wording { cma_node: "", cma_asked_size: true, cma_no_area_fails: true, ..V6_12_13.log },
    ..V6_12_13
};

const V6_17: KernelProfile =
    KernelProfile { since: Release::new(6, 17, 0), cma_heaps: CmaHeaps::DefaultTwice, ..V6_16 };

const V6_18: KernelProfile = KernelProfile {
    since: Release::new(6, 18, 0),
    tuples: Tuples::AllNoneKnown,
    log: Wording { bad_reg_lines: 1, ignored_tuples: IgnoredTuples::Silent, ..V6_17.log },
    ..V6_17
};

const V6_18_3: KernelProfile =
    KernelProfile { since: Release::new(6, 18, 3), elfcorehdr: ElfCoreHdr::First, ..V6_18 };

const V6_18_9: KernelProfile =
    KernelProfile { since: Release::new(6, 18, 9), cma_argument: CmaArgument::SkipsNode, ..V6_18_3 };

const V6_19: KernelProfile = KernelProfile {
    since: Release::new(6, 19, 0),
    ignores_bad_ranges: true,
    cma_heaps: CmaHeaps::EveryPool,
    log: Wording { bad_reg_lines: 0, ..V6_18_9.log },
    ..V6_18_9
};

const V7_0: KernelProfile = KernelProfile { since: Release::new(7, 0, 0), ..V6_19 };

const V7_1: KernelProfile = KernelProfile {
    since: Release::new(7, 1, 0),
    empty_status_disables: false,
    failed_no_map: FailedNoMap::Kept,
    cma_argument: CmaArgument::SkipsPool,
    dynamic_overflow: DynamicOverflow::Dropped,
    forgets_failed: true,
    log: Wording {
        skipped_node: "Skipping dt linux,cma-default node in favor for \"cma=\" kernel param.",
        skipped_twice: true,
        ..V7_0.log
    },
    ..V7_0
};

const V7_2: KernelProfile = KernelProfile {
    since: Release::new(7, 2, 0),
    node_pools: NodePools::Every,
    tuples: Tuples::FirstOnly,
    marks_kernel: false,
    log: Wording { ignored_tuples: IgnoredTuples::FirstUsed, ..V7_1.log },
    ..V7_1
};

const V7_3: KernelProfile = KernelProfile {
    since: Release::new(7, 3, 0),
    usable_windows: 6,
    maps_partial_pages: false,
    log: Wording { dma_pool_size: SizeUnit::Kib, ..V7_2.log },
    ..V7_2
};

#[cfg(test)]
mod tests;
