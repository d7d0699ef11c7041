use super::*;
use crate::policy::{Policy, PolicyError};
use crate::profile::{BadVersion, PageSize};
use std::string::ToString;
use std::vec::Vec;

fn of(version: &str) -> KernelProfile {
    *KernelProfile::for_version(version).unwrap_or_else(|why| panic!("{version}: {why:?}")).profile
}

#[test]
fn releases_ascend() {
    assert!(RELEASES.is_sorted_by(|a, b| a.since < b.since));
}

#[test]
fn a_family_and_a_major_version_are_their_newest_release() {
    assert_eq!(of("6.12"), of("6.12.117"));
    assert_eq!(of("6.1").since, Release::new(6, 1, 0));
    assert_eq!(Some(of("7")), families().last().copied());
    assert_eq!(of("6"), of("6.19"));
    assert_eq!(KernelProfile::default(), of("6.12"));
    let families: Vec<Release> = families().map(|profile| profile.since).collect();
    assert!(families.contains(&Release::new(6, 12, 117)) && !families.contains(&Release::new(6, 12, 13)));
}

#[test]
fn a_point_release_is_what_its_family_was_like_then() {
    assert!(!of("6.12.12").two_phases && of("6.12.13").two_phases);
    assert_eq!(of("6.12.95+deb12-cloud-arm64").region_limit, Some(64));
    assert_eq!(of("6.12.102").dynamic_overflow, DynamicOverflow::Panics);
    assert_eq!(of("6.12.103").region_limit, None);
    assert!(of("6.12.116").maps_partial_pages && !of("6.12.117").maps_partial_pages);
    assert!(of("7.2.13").maps_partial_pages && !of("7.3.4").maps_partial_pages);
    assert_eq!(of("6.12-rc3"), of("6.12.0"));
}

#[test]
fn an_unknown_family_is_like_the_nearest_older_one() {
    let nearest = |version| KernelProfile::for_version(version).map(|choice| choice.is_nearest);
    assert_eq!((of("6.13.4"), nearest("6.13.4")), (of("6.12"), Ok(true)));
    assert_eq!((of("9.1"), nearest("9.1")), (of("7"), Ok(true)));
    assert_eq!(KernelProfile::for_version("99"), Err(BadVersion::TooNew));
    assert_eq!(nearest("6.12.999"), Ok(false));
    assert_eq!(nearest("7"), Ok(false));
}

#[test]
fn what_is_not_a_version_or_too_old_is_refused() {
    for bad in ["", "seven", "7x", "6.12.", "6.12.x", "6.12 ", "v6.12", "6.12-cloud", "6..1", "70000.1"] {
        assert_eq!(KernelProfile::for_version(bad), Err(BadVersion::NotAVersion), "{bad}");
    }
    assert_eq!(KernelProfile::for_version("4.19"), Err(BadVersion::TooOld(RELEASES[0].since)));
}

#[test]
fn families_differ_where_the_kernels_did() {
    assert_eq!((of("6.1").memreserve, of("6.12").memreserve), (Memreserve::First, Memreserve::Last));
    assert_eq!((of("6.18").tuples, of("7.2").tuples), (Tuples::AllNoneKnown, Tuples::FirstOnly));
    assert_eq!(
        (of("7.0").failed_no_map, of("7.1").failed_no_map),
        (FailedNoMap::FreedUnmapped, FailedNoMap::Kept)
    );
    assert_eq!((of("5.4").no_map, of("5.10").no_map), (NoMap::Removed, NoMap::RefusedOverReserved));
    assert_eq!((of("5.15").cma_align(), of("6.1").cma_align()), (4 * MIB, 2 * MIB));
    let skips = |version| of(version).cma_argument == CmaArgument::SkipsNode;
    assert!(!skips("6.17.13") && !skips("6.18.8") && skips("6.18.9"));
    assert_eq!(of("5.15.215-yocto-standard").since, Release::new(5, 15, 0));
}

#[test]
fn a_page_size_may_follow_a_version() {
    let page = |name| KernelProfile::for_name(name).map(|named| (named.page, named.profile().page));
    assert_eq!(page("6.12"), Ok((None, PageSize::K4)));
    assert_eq!(page("6.12:64k"), Ok((Some(PageSize::K64), PageSize::K64)));
    for wrong in ["6.12:", "6.12:32k", "6.12:64K", "6.12:4k:4k"] {
        assert_eq!(page(wrong), Err(BadVersion::BadPage), "{wrong}");
    }
    let policy = |kernel: &str| Policy { kernel: Some(kernel.to_string()), ..Policy::default() };
    assert_eq!(policy("6.12:64k").validate(), Ok(()));
    assert_eq!(policy("6.12:32k").validate(), Err(PolicyError::UnknownKernel));
    assert_eq!(policy("7:64k").validate(), Err(PolicyError::UnknownKernel));
}
