//! The table of kernels.

use super::behaviour::{
    Above4Gib, CmaAlignment, CmaArgument, DynamicNoMap, DynamicOrder, DynamicOverflow, FailedNoMap,
    Memreserve, NoMap, Tuples, WindowEdge,
};
use super::build::{Build, Room};
use super::wording::{IgnoredTuples, SizeUnit, Wording};
use super::{KernelProfile, PageSize, Release};
use crate::span::MIB;

/// Every release from which a kernel behaves otherwise than before, or from which it is known to behave
/// alike; oldest first.
pub const RELEASES: &[KernelProfile] =
    &[V6_1, V6_6, V6_12, V6_12_13, V6_12_103, V6_12_117, V6_18, V7_0, V7_2, V7_3];

/// Returns the latest profile of every family, oldest first.
pub fn families() -> impl Iterator<Item = &'static KernelProfile> {
    let next = RELEASES.iter().skip(1).map(|profile| Some(profile.since.family())).chain([None]);
    RELEASES.iter().zip(next).filter(|(profile, next)| Some(profile.since.family()) != *next).map(|(p, _)| p)
}

const V6_1: KernelProfile = KernelProfile {
    since: Release::new(6, 1, 0),
    page: PageSize::K4,
    no_map: NoMap::RefusedOverReservedRam,
    dynamic_no_map: DynamicNoMap::Marked,
    failed_no_map: FailedNoMap::Freed,
    maps_partial_pages: true,
    tuples: Tuples::AllFirstKnown,
    memreserve: Memreserve::First,
    two_phases: false,
    dynamic_order: DynamicOrder::HeapSort,
    window_edge: WindowEdge::Ignored,
    ignores_bad_ranges: false,
    region_limit: Some(64),
    dynamic_overflow: DynamicOverflow::Dropped,
    forgets_failed: false,
    panics_when_full: false,
    marks_kernel: true,
    cma_alignment: CmaAlignment::Pageblock,
    cma_argument: CmaArgument::FreesNode,
    cma_below_dma_limit: true,
    cma_checks_straddling: true,
    cma_above_4gib: Above4Gib::IfRamReaches,
    log: Wording {
        scan: "OF: fdt: ",
        no_node: false,
        bad_reg_lines: 1,
        ignored_tuples: IgnoredTuples::Silent,
        region_lines: false,
        dma_pool_size: SizeUnit::Mib,
        skipped_node: "OF: reserved mem: Skipping dt linux,cma-default for \"cma=\" kernel param.",
        skipped_twice: false,
        cma_node: "",
        cma_asked_size: false,
        cma_no_area_fails: false,
    },
    debian: Build { default_cma: 64 * MIB, cma_areas: 20, room: Room::of_efi(1024, 256) },
};

const V6_6: KernelProfile = KernelProfile {
    since: Release::new(6, 6, 0),
    memreserve: Memreserve::BeforeDynamic,
    panics_when_full: true,
    log: Wording { region_lines: true, ..V6_1.log },
    debian: Build { room: Room::of_efi(1024, 512), ..V6_1.debian },
    ..V6_1
};

const V6_12: KernelProfile = KernelProfile {
    since: Release::new(6, 12, 0),
    log: Wording { cma_node: " on node -1", ..V6_6.log },
    ..V6_6
};

/// The two passes of 6.13 came with this release.
const V6_12_13: KernelProfile = KernelProfile {
    since: Release::new(6, 12, 13),
    failed_no_map: FailedNoMap::FreedUnmapped,
    memreserve: Memreserve::Last,
    two_phases: true,
    dynamic_order: DynamicOrder::Tree,
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
pub(super) const V6_12_117: KernelProfile =
    KernelProfile { since: Release::new(6, 12, 117), maps_partial_pages: false, ..V6_12_103 };

const V6_18: KernelProfile = KernelProfile {
    since: Release::new(6, 18, 0),
    region_limit: None,
    tuples: Tuples::AllNoneKnown,
    cma_argument: CmaArgument::SkipsNode,
    cma_below_dma_limit: false,
    cma_checks_straddling: false,
    cma_above_4gib: Above4Gib::IfLimitReaches,
    log: Wording {
        bad_reg_lines: 1,
        ignored_tuples: IgnoredTuples::Silent,
        cma_node: "",
        cma_asked_size: true,
        cma_no_area_fails: true,
        ..V6_12_13.log
    },
    ..V6_12_13
};

const V7_0: KernelProfile = KernelProfile { since: Release::new(7, 0, 0), ..V6_18 };

const V7_2: KernelProfile = KernelProfile {
    since: Release::new(7, 2, 0),
    failed_no_map: FailedNoMap::Kept,
    tuples: Tuples::FirstOnly,
    ignores_bad_ranges: true,
    dynamic_overflow: DynamicOverflow::Dropped,
    forgets_failed: true,
    marks_kernel: false,
    log: Wording {
        bad_reg_lines: 0,
        ignored_tuples: IgnoredTuples::FirstUsed,
        dma_pool_size: SizeUnit::Kib,
        skipped_node: "Skipping dt linux,cma-default node in favor for \"cma=\" kernel param.",
        skipped_twice: true,
        ..V7_0.log
    },
    ..V7_0
};

const V7_3: KernelProfile = KernelProfile { since: Release::new(7, 3, 0), maps_partial_pages: false, ..V7_2 };

#[cfg(test)]
mod tests;
