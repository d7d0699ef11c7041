//! Kernel profiles: what differs between kernels in how they take a memory map.
//!
//! Every field was seen in the source of those versions or in boots of them; a kernel between two families
//! behaves like the older one unless its change log says otherwise.

use crate::span::MIB;

/// The page size a kernel is built for; arm64 kernels state it in their image header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageSize {
    /// 4 KiB pages.
    K4,
    /// 16 KiB pages.
    K16,
    /// 64 KiB pages.
    K64,
}

impl PageSize {
    /// Size in bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        match self {
            Self::K4 => 4 << 10,
            Self::K16 => 16 << 10,
            Self::K64 => 64 << 10,
        }
    }
}

/// What a kernel does with a region of several `reg` tuples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tuples {
    /// Reserves every one and knows the first (up to 6.12).
    AllFirstKnown,
    /// Reserves every one and knows none, so that no driver finds the region (6.18).
    AllNoneKnown,
    /// Reserves only the first (7.2 and later).
    FirstOnly,
}

/// What a kernel does with a `no-map` region whose set-up as a pool fails, as with `reusable` beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedNoMap {
    /// Makes ordinary memory of it (6.1).
    Freed,
    /// Gives it to the allocator without mapping it; the first use oopses (6.12.13 to 7.1).
    FreedUnmapped,
    /// Keeps it unmapped (7.2 and later).
    Kept,
}

/// How a kernel drops a `linux,cma-default` node when there is a `cma=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bypass {
    /// Reserves it, then frees it when its set-up is refused: "bypass %s node" (up to 6.12).
    Freed,
    /// Never reserves it: "Skipping dt linux,cma-default" (6.18 and later).
    Skipped,
}

/// What a kernel does with more dynamic regions than its list of 64 holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DynamicOverflow {
    /// Leaves the rest without a place (up to 6.12.12, from 6.12.103, from 7.2).
    Dropped,
    /// Writes behind the list, on its stack, and panics (6.12.13 to 6.12.102, 6.18).
    Panics,
}

/// A family of kernels that treat reserved memory alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelProfile {
    /// The name that `--kernel` takes.
    pub name: &'static str,
    /// Page size of the kernel.
    pub page: PageSize,
    /// Whether `/memreserve/` is read before `/reserved-memory` (up to 6.3), so that an entry which touches a
    /// `no-map` region makes the kernel refuse that region as a whole.
    pub memreserve_first: bool,
    /// Whether dynamic regions are placed in the order of the tree (6.12.13 and later). Before, an unstable sort
    /// decides.
    pub dynamic_in_order: bool,
    /// Whether regions are set up in a second pass, behind the linear map (6.12.13 and later).
    pub two_phases: bool,
    /// Most regions, static and dynamic, that keep an owner; `None` where the table grows.
    pub region_limit: Option<usize>,
    /// What happens to more dynamic regions than 64.
    pub dynamic_overflow: DynamicOverflow,
    /// What happens to several tuples.
    pub tuples: Tuples,
    /// Whether the partial pages at the ends of an unaligned `no-map` region stay mapped.
    pub maps_partial_pages: bool,
    /// What becomes of a `no-map` region whose set-up fails.
    pub failed_no_map: FailedNoMap,
    /// Whether a malformed `alloc-ranges` is ignored, so that the region lands anywhere (7.2 and later), instead
    /// of being an error.
    pub ignores_bad_ranges: bool,
    /// Whether a region whose set-up as a pool fails is no longer known at all (7.2 and later): nothing finds it by
    /// its phandle, and no overlap with it is reported.
    pub forgets_failed: bool,
    /// What happens to the default pool of the tree under `cma=`.
    pub bypass: Bypass,
    /// Whether the limit of a `cma=` is cut to the reach of 32-bit DMA (up to 6.12).
    pub cma_below_dma_limit: bool,
    /// Whether a kernel that has no entry left for a reservation panics (6.6 and later) instead of going without.
    pub panics_when_full: bool,
    /// Whether the linear map marks the kernel's text as unmapped for a while, which takes entries twice (up to 6.18;
    /// `map_mem`).
    pub marks_kernel: bool,
    /// Whether every reserved region prints a line with its place (6.12 and later).
    pub prints_regions: bool,
}

const V6_1: KernelProfile = KernelProfile {
    name: "6.1",
    page: PageSize::K4,
    memreserve_first: true,
    dynamic_in_order: false,
    two_phases: false,
    region_limit: Some(64),
    dynamic_overflow: DynamicOverflow::Dropped,
    tuples: Tuples::AllFirstKnown,
    maps_partial_pages: true,
    failed_no_map: FailedNoMap::Freed,
    ignores_bad_ranges: false,
    forgets_failed: false,
    bypass: Bypass::Freed,
    cma_below_dma_limit: true,
    panics_when_full: false,
    marks_kernel: true,
    prints_regions: false,
};

const V6_12: KernelProfile = KernelProfile {
    name: "6.12",
    memreserve_first: false,
    dynamic_in_order: true,
    two_phases: true,
    region_limit: None,
    maps_partial_pages: false,
    failed_no_map: FailedNoMap::FreedUnmapped,
    panics_when_full: true,
    prints_regions: true,
    ..V6_1
};

const V6_18: KernelProfile = KernelProfile {
    name: "6.18",
    dynamic_overflow: DynamicOverflow::Panics,
    tuples: Tuples::AllNoneKnown,
    maps_partial_pages: true,
    bypass: Bypass::Skipped,
    cma_below_dma_limit: false,
    ..V6_12
};

const V6_6: KernelProfile = KernelProfile {
    name: "6.6",
    memreserve_first: false,
    panics_when_full: true,
    prints_regions: true,
    ..V6_1
};

const V7: KernelProfile = KernelProfile {
    name: "7",
    dynamic_overflow: DynamicOverflow::Dropped,
    tuples: Tuples::FirstOnly,
    maps_partial_pages: false,
    failed_no_map: FailedNoMap::Kept,
    ignores_bad_ranges: true,
    forgets_failed: true,
    marks_kernel: false,
    ..V6_18
};

/// The profiles that are known, oldest first, each as of its latest point release.
pub const PROFILES: &[KernelProfile] = &[V6_1, V6_6, V6_12, V6_18, V7];

/// Point releases that are not yet as the latest of their family: those below the number, the lowest row that holds
/// counts. 6.12.13 took over the two passes of 6.13, 6.12.103 the table that grows, 6.12.117 and 7.3 the rounding of
/// `no-map` to pages.
const EARLIER: &[(u32, KernelProfile)] = &[
    (13, KernelProfile { name: "6.12", ..V6_6 }),
    (
        103,
        KernelProfile {
            region_limit: Some(64),
            dynamic_overflow: DynamicOverflow::Panics,
            maps_partial_pages: true,
            ..V6_12
        },
    ),
    (117, KernelProfile { maps_partial_pages: true, ..V6_12 }),
    (2, KernelProfile { name: "7", ..V6_18 }),
    (3, KernelProfile { maps_partial_pages: true, ..V7 }),
];

/// What a longer number goes on with: 6.1 is no beginning of 6.12.
const DIGITS: [char; 10] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

impl Default for KernelProfile {
    /// 6.12 with 4 KiB pages.
    fn default() -> Self {
        V6_12
    }
}

impl KernelProfile {
    /// Find a profile by its name. A longer version such as `6.12.95` or `6.12.95-cloud-arm64` finds what its family
    /// was like then; a family alone is its latest release.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let rest = |profile: &Self| name.strip_prefix(profile.name).filter(|rest| !rest.starts_with(DIGITS));
        let (family, rest) = PROFILES.iter().find_map(|profile| Some((profile, rest(profile)?)))?;
        let release = match rest.strip_prefix('.') {
            Some(rest) => rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?,
            None if rest.is_empty() => u32::MAX,
            None => return None,
        };
        let earlier = EARLIER.iter().find(|(below, then)| then.name == family.name && release < *below);
        Some(earlier.map_or(*family, |(_, then)| *then))
    }

    /// The same profile with another page size.
    #[must_use]
    pub const fn with_page(self, page: PageSize) -> Self {
        Self { page, ..self }
    }

    /// `CMA_MIN_ALIGNMENT_BYTES` in bytes: a pageblock, which is a huge page with `CONFIG_HUGETLB_PAGE`
    /// (include/linux/pageblock-flags.h). A pool off this boundary is refused and its memory released.
    #[must_use]
    pub const fn cma_align(&self) -> u64 {
        match self.page {
            PageSize::K4 => 2 * MIB,
            PageSize::K16 => 32 * MIB,
            PageSize::K64 => 512 * MIB,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_release_finds_its_family() {
        assert_eq!(KernelProfile::named("6.12.57").map(|p| p.name), Some("6.12"));
        assert_eq!(KernelProfile::named("6.1").map(|p| p.name), Some("6.1"));
        assert_eq!(KernelProfile::named("7.3").map(|p| p.name), Some("7"));
        for none in ["6.13", "6.121", "6", "7x", "6.12.", "6.12.x"] {
            assert_eq!(KernelProfile::named(none), None, "{none}");
        }
    }

    #[test]
    fn a_point_release_is_what_its_family_was_like_then() {
        let of = |name| KernelProfile::named(name).unwrap();
        assert!(!of("6.12.12").two_phases && of("6.12.13").two_phases);
        assert_eq!(of("6.12.95+deb12-cloud-arm64").region_limit, Some(64));
        assert_eq!(of("6.12.102").dynamic_overflow, DynamicOverflow::Panics);
        assert_eq!(of("6.12.103").region_limit, None);
        assert!(of("6.12.116").maps_partial_pages && !of("6.12.117").maps_partial_pages);
        assert_eq!(of("6.12.117"), of("6.12"));
        assert_eq!((of("7.1").tuples, of("7.2").tuples), (Tuples::AllNoneKnown, Tuples::FirstOnly));
        assert!(of("7.2.13").maps_partial_pages && !of("7.3.4").maps_partial_pages);
    }

    #[test]
    fn families_differ_where_the_kernels_did() {
        let of = |name| KernelProfile::named(name).unwrap();
        assert!(of("6.1").memreserve_first && !of("6.6").memreserve_first);
        assert_eq!(of("6.18").tuples, Tuples::AllNoneKnown);
        assert_eq!(of("7.3").failed_no_map, FailedNoMap::Kept);
        assert_eq!(KernelProfile::default(), of("6.12"));
    }
}
