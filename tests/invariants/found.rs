//! Cases that once broke an invariant, as a failure prints them.

use crate::check;
use crate::generate::{Board, Case, Child, Extent::*, Reserved};
use ringfence::facts::Detail::*;
use ringfence::facts::Position::*;
use ringfence::facts::{BootFacts, Kernel};
use ringfence::policy::Key::*;
use ringfence::policy::Requirement::*;
use ringfence::policy::Via::*;
use ringfence::policy::{self, Allow, CmaWant, Policy};
use ringfence::profile::PageSize::{self, *};
use ringfence::profile::{KernelProfile, RELEASES, Release};
use ringfence::span::Span;

fn profile(since: Release, page: PageSize) -> KernelProfile {
    RELEASES.iter().find(|profile| profile.since == since).unwrap().with_page(page)
}

fn span(base: u64, end: u64) -> Span {
    Span::from_ends(base, end).unwrap()
}

/// Returns a tree with 1 GiB of RAM and nothing else.
fn bare() -> Board {
    Board {
        root: (2, 2),
        banks: vec![(0x4000_0000, 0x4000_0000)],
        reserved: None,
        stray: None,
        memreserve: vec![],
        bootargs: None,
        initrd: None,
        symbols: true,
    }
}

fn reserved(regions: Vec<Child>) -> Option<Reserved> {
    Some(Reserved { cells: None, ranges: false, regions })
}

fn child(name: &str, extent: crate::generate::Extent, flags: &[&'static str]) -> Child {
    Child { name: name.into(), extent, flags: flags.to_vec(), compatible: None, status: None, user: Some(0) }
}

fn dynamic(size: u64) -> crate::generate::Extent {
    Size { size, align: None, windows: vec![] }
}

fn allowing(allow: Allow) -> Option<Policy> {
    Some(Policy { allow, ..Policy::default() })
}

fn holds(board: Board, policy: Option<Policy>) {
    let case = Case {
        board,
        loader: None,
        policy,
        profile: profile(RELEASES[0].since, K4),
        others: vec![],
        facts: BootFacts::default(),
    };
    check::promises(&case).unwrap();
    check::edits_and_repairs(&case).unwrap();
}

#[test]
fn a_symbol_without_a_unit_address_still_leads_to_its_region() {
    let disabled = Child { status: Some("disabled"), ..child("xramoops", dynamic(0x40_0000), &[]) };
    let other = child("xramoops@41001000", Reg(vec![(0x4100_0000, 0x10_0000)]), &["no-map"]);
    let stray = Some(("reserved_memory", vec![disabled, other]));
    holds(Board { stray, ..bare() }, allowing(Allow { enable: true, ..Allow::default() }));
}

#[test]
fn a_region_that_comes_up_without_ram_is_a_pool_that_devices_can_use() {
    let pool = Child { compatible: Some("shared-dma-pool"), ..child("xpool", dynamic(0x40_0000), &[]) };
    let banks = vec![(0x4000_0000, 0)];
    let stray = Some(("group", vec![pool]));
    holds(Board { banks, stray, reserved: reserved(vec![]), ..bare() }, None);
}

#[test]
fn a_default_pool_that_comes_up_is_the_only_one() {
    let flags = &["reusable", "linux,cma-default"];
    let pool = Child { compatible: Some("shared-dma-pool"), ..child("xdsp", dynamic(0x10_0000), flags) };
    let bootargs = Some("cma=44M@0x42000000 quiet cma=64".into());
    let range = Some(span(0x4000_0000, 0x1_0000_0000));
    let cma = Some(CmaWant { size: 0x20_0000, align: None, range, via: Node });
    let stray = Some(("group", vec![pool]));
    holds(
        Board { stray, bootargs, reserved: reserved(vec![]), ..bare() },
        Some(Policy { cma, ..Policy::default() }),
    );
}

#[test]
fn a_region_that_cannot_be_placed_is_not_lost() {
    for flags in [&["no-map"][..], &["reusable"]] {
        let pool = Child { compatible: Some("shared-dma-pool"), ..child("xdsp", dynamic(u64::MAX), flags) };
        let stray = Some(("reserved-memory@1", vec![pool]));
        holds(Board { stray, reserved: reserved(vec![]), ..bare() }, None);
    }
}

#[test]
fn a_name_that_a_sibling_keeps_is_not_reported_as_given() {
    let one = child("dsp@0x40c00000", Reg(vec![(0x40c0_0000, 0x7000)]), &["no-map"]);
    let reg = Reg(vec![(0x40c0_0000, 0x40_0000)]);
    let other = Child { status: Some("disabled"), ..child("dsp@40c00000", reg, &["no-map"]) };
    let reserved = Some(Reserved { cells: None, ranges: true, regions: vec![one, other] });
    holds(Board { reserved, ..bare() }, None);
}

/// Pools that choose before the kernel has a place leave `cma=` room under what the kernel then takes.
#[test]
fn cma_stays_below_what_the_kernel_takes_once_that_is_placed() {
    let extents = [
        ("ramoops@43400000", Foreign(vec![(0x4340_0000, 0x140_0000)]), &["no-map"][..], None),
        ("dsp@0x400ab000", Reg(vec![(0x400a_b000, 0x50_0000)]), &["reusable"], None),
        (
            "pool@41d00000",
            Reg(vec![(0x41d0_0000, 0x70_0000)]),
            &["reusable", "linux,cma-default"],
            Some("shared-dma-pool"),
        ),
        ("dsp", Reg(vec![(0x43f0_0000, 0x40_0000)]), &["no-map"], None),
        (
            "pool",
            Size { size: 0x70_0000, align: Some(0x40_0000), windows: vec![] },
            &[],
            Some("shared-dma-pool"),
        ),
        ("tz@0x42800000", Reg(vec![(0x4280_0000, 0x20_0000)]), &["reusable"], Some("shared-dma-pool")),
    ];
    let regions =
        extents.map(|(name, extent, flags, compatible)| Child { compatible, ..child(name, extent, flags) });
    let board = Board {
        banks: vec![(0x4000_0000, 0x80_0000), (0x40a0_0000, 0x1000_0000)],
        reserved: Some(Reserved { cells: None, ranges: true, regions: regions.into() }),
        bootargs: Some("cma init=\"/bin/sh -c cma=1M\"".into()),
        ..bare()
    };
    let pool = Path("/reserved-memory/pool".into());
    let range = Some(span(0x4000_0000, 0x1_0000_0000));
    let policy = Policy {
        requirements: vec![Carveout(policy::Carveout {
            key: pool,
            base: Some(0x4000_0000),
            size: 0x10_0000,
            no_map: false,
        })],
        cma: Some(CmaWant { size: 0x220_0000, align: None, range, via: Bootargs }),
        allow: Allow { shift: true, restore: true, drop_flags: false, enable: false },
        ..Policy::default()
    };
    let facts = BootFacts {
        stage: Some(span(0x4010_0000, 0x4050_0000)),
        dtb: Some(Movable(span(0x4100_0000, 0x4101_0000))),
        kernel: Some(Kernel {
            position: Movable(span(0x4000_0000, 0x4170_0000)),
            text_offset: 0,
            image_size: 0x190_0000,
        }),
        initrd: Some(Movable(span(0x40f0_0000, 0x41a8_b800))),
        detail: Full,
        ..BootFacts::default()
    };
    let profile = profile(Release::new(5, 4, 0), K16);
    let case = Case { board, loader: None, policy: Some(policy), profile, others: vec![], facts };
    check::promises(&case).unwrap();
}

/// A carveout that was rounded outward for a kernel of larger pages is where the policy has it.
#[test]
fn what_is_restored_for_large_pages_is_where_every_kernel_wants_it() {
    let required = policy::Carveout {
        key: Label("firmware".into()),
        base: Some(0x4002_d000),
        size: 0x10_0000,
        no_map: false,
    };
    let policy = Policy {
        requirements: vec![Carveout(required)],
        allow: Allow { restore: true, ..Allow::default() },
        ..Policy::default()
    };
    let first = RELEASES[0].since;
    check::promises(&Case {
        board: Board { symbols: false, ..bare() },
        loader: None,
        policy: Some(policy),
        profile: profile(first, K64),
        others: vec![profile(first, K4), profile(first, K16)],
        facts: BootFacts::default(),
    })
    .unwrap();
}

/// A `ramoops` region of size 0 is disabled and keeps no log, so another one is placed in the same go.
#[test]
fn a_log_is_placed_beside_a_region_that_goes() {
    let empty =
        Child { compatible: Some("ramoops"), user: None, ..child("dsp", Reg(vec![(0x4000_0000, 0)]), &[]) };
    let log = Some(policy::PersistentLog { size: 0x1_0000, base: None });
    holds(Board { reserved: reserved(vec![empty]), ..bare() }, Some(Policy { log, ..Policy::default() }));
}

/// A carveout outside RAM need not cover whole pages. One that moved into RAM must, in the same go.
#[test]
fn a_carveout_that_moves_into_ram_covers_whole_pages() {
    let pool = child("pool", Reg(vec![(0x4080_0000, 0x180_0000)]), &[]);
    let reg = Reg(vec![(0x4080_3000, 0x2_7000)]);
    let inner = Child { compatible: Some("qcom,cmd-db"), ..child("inner@40803000", reg, &["no-map"]) };
    let banks = vec![(0x4000_0000, 0x60_0000), (0x4090_0000, 0x1000_0000)];
    let memreserve = vec![(0x4050_0000, 0x60_0000)];
    let case = Case {
        board: Board { banks, reserved: reserved(vec![pool, inner]), memreserve, ..bare() },
        loader: None,
        policy: allowing(Allow { shift: true, ..Allow::default() }),
        profile: profile(RELEASES[0].since, K16),
        others: vec![],
        facts: BootFacts::default(),
    };
    check::promises(&case).unwrap();
    check::edits_and_repairs(&case).unwrap();
}

/// A pool of another tree that grows takes more of the top of RAM, and with it the kernel comes nearer to the
/// place of `cma=`. That is a warning, so what has no better place stays.
#[test]
fn a_pool_on_the_command_line_stays_where_no_place_is_better() {
    let coherent =
        |name, reg, flag| Child { compatible: Some("shared-dma-pool"), ..child(name, reg, &[flag]) };
    let tz = coherent("tz@40000000", Reg(vec![(0x4000_0000, 4573)]), "no-map");
    let camera = coherent("camera@43601000", Reg(vec![(0x4360_1000, 0x2_0000)]), "reusable");
    let bootargs = Some("cma=20M@0x40400000".into());
    let banks = vec![(0x4000_0000, 0x20_0000), (0x4040_0000, 0x1000_0000)];
    let case = Case {
        board: Board { banks, reserved: reserved(vec![tz, camera]), ..bare() },
        loader: Some(Board { banks: vec![(0x4000_0000, 0x3a0_0000)], bootargs, ..bare() }),
        policy: None,
        profile: profile(RELEASES[0].since, K4),
        others: vec![],
        facts: BootFacts::default(),
    };
    check::promises(&case).unwrap();
}

/// Two carveouts that touch inside a page: kernels that map the rest of a page find none there.
#[test]
fn a_guard_that_begins_where_a_carveout_ends_protects_the_page_of_both() {
    let pool = Child {
        compatible: None,
        ..child("pool@41500000", Reg(vec![(0x4150_0000, 0x40_0000), (0x4109_3800, 0x50_0000)]), &["no-map"])
    };
    let range = policy::ProtectedRange { name: "secmon".into(), span: span(0x4150_0000, 0x4160_0000) };
    let policy = Policy {
        requirements: vec![ProtectedRange(range)],
        allow: Allow { shift: true, ..Allow::default() },
        ..Policy::default()
    };
    let case = Case {
        board: Board { reserved: reserved(vec![pool]), ..bare() },
        loader: None,
        policy: Some(policy),
        profile: profile(Release::new(6, 12, 117), K16),
        others: vec![profile(Release::new(5, 4, 0), K4)],
        facts: BootFacts::default(),
    };
    check::promises(&case).unwrap();
}

/// A carveout that the policy enlarges brings the kernel down to the place of `cma=`, which is settled in the
/// same go.
#[test]
fn a_pool_on_the_command_line_moves_with_what_brings_the_kernel_down_to_it() {
    let camera = child("camera@43c01000", Reg(vec![(0x43c0_1000, 0x70_0000)]), &["no-map"]);
    let dsp = child("dsp@43000000", Reg(vec![(0x4300_0000, 0x4700)]), &["no-map"]);
    let size = Size { size: 0x70_0000, align: Some(0x10_0000), windows: vec![] };
    let dynamic = child("dsp", size, &["no-map"]);
    let key = Path("/reserved-memory/dsp@43000000".into());
    let required = policy::Carveout { key, base: None, size: 0x10_0000, no_map: false };
    let policy = Policy {
        requirements: vec![Carveout(required)],
        allow: Allow { restore: true, ..Allow::default() },
        ..Policy::default()
    };
    let bootargs = Some("cma=12M@0x40400000".into());
    let case = Case {
        board: Board { reserved: reserved(vec![dynamic, camera, dsp]), ..bare() },
        loader: Some(Board { banks: vec![(0x4000_0000, 59_768_832)], bootargs, ..bare() }),
        policy: Some(policy),
        profile: profile(RELEASES[0].since, K4),
        others: vec![],
        facts: BootFacts::default(),
    };
    check::promises(&case).unwrap();
}
