//! Who owns what, and which owners must not meet.

use super::*;
use crate::efi::EfiUse;
use crate::facts::Position;
use crate::fdt::{NewNode, Tree, build};
use crate::span::MIB;
use alloc::vec;

const RAM: u64 = 0x4000_0000;

/// Returns a span in MiB from the start of RAM.
fn mib(at: u64, len: u64) -> Span {
    Span::new(RAM + at * MIB, len * MIB).unwrap()
}

/// Returns a tree with a mapped region, a carveout and a pool of 1 MiB each, and an initrd in `/chosen`.
fn board() -> Vec<u8> {
    let reg = |span: Span| [span.base().to_be_bytes(), span.len().to_be_bytes()].concat();
    let region = |name: &str, at| NewNode::new(name).prop("reg", reg(mib(at, 1)));
    let reserved = NewNode::new("reserved-memory")
        .prop_u32("#address-cells", 2)
        .prop_u32("#size-cells", 2)
        .prop_empty("ranges")
        .child(region("mapped", 10))
        .child(region("carveout", 20).prop_empty("no-map"))
        .child(region("pool", 30).prop_str("compatible", "shared-dma-pool").prop_empty("reusable"));
    let chosen = NewNode::new("chosen")
        .prop_u64("linux,initrd-start", mib(40, 1).base())
        .prop_u64("linux,initrd-end", mib(40, 1).end());
    let memory = NewNode::new("memory@40000000").prop_str("device_type", "memory");
    let root = NewNode::new("")
        .prop_u32("#address-cells", 2)
        .prop_u32("#size-cells", 2)
        .child(memory.prop("reg", reg(mib(0, 64))))
        .child(chosen)
        .child(reserved);
    build(&root, 0, &[]).unwrap()
}

fn survey(board: &[u8]) -> MemoryMap {
    MemoryMap::survey(&Tree::parse(board).unwrap(), &BootFacts::default())
}

/// Returns the kind of the claim of the region with this name.
fn region(map: &MemoryMap, name: &str) -> ClaimKind {
    let (index, region) = map.indexed_regions().find(|(_, region)| region.name == name).unwrap();
    let (tuple, _) = region.indexed_spans().next().unwrap();
    ClaimKind::Region(index, tuple)
}

fn claim(kind: ClaimKind, span: Span) -> Claim {
    Claim { span, kind }
}

#[test]
fn owners_that_must_not_meet_are_a_pair() {
    use ClaimKind::{Bundle, CmaArg, CrashKernel, Dtb, Efi, ElfCoreHdr, Initrd, Kernel};
    use ClaimKind::{Framebuffer, Memreserve, ReleasePage, Stage};
    let board = board();
    let map = survey(&board);
    let [mapped, carveout, pool] = ["mapped", "carveout", "pool"].map(|name| region(&map, name));
    let picture = Framebuffer(crate::fdt::NodeId(1));
    let used = Efi(EfiUse::Reserved);
    let harmless = [
        (mapped, Memreserve),
        (mapped, ReleasePage),
        (carveout, ElfCoreHdr),
        (carveout, picture),
        (pool, used),
        (Kernel, picture),
        (Dtb, used),
        (Memreserve, Kernel),
        (Memreserve, ReleasePage),
        (CrashKernel, Stage),
        (CmaArg, Bundle),
        (Kernel, Stage),
        (Bundle, Initrd),
        (Stage, Bundle),
    ];
    let harmful = [
        (mapped, carveout),
        (carveout, Memreserve),
        (pool, Memreserve),
        (pool, ReleasePage),
        (mapped, Kernel),
        (carveout, Stage),
        (pool, Bundle),
        (mapped, CrashKernel),
        (Kernel, Initrd),
        (Initrd, Dtb),
        (Kernel, ReleasePage),
        (Stage, ElfCoreHdr),
        (CrashKernel, Memreserve),
        (CrashKernel, Kernel),
        (CmaArg, ReleasePage),
        (CmaArg, CrashKernel),
    ];
    let pairs = |a, b| conflict::pairs(&map, &[claim(a, mib(0, 2)), claim(b, mib(1, 2))]);
    for (a, b) in harmless {
        assert_eq!(pairs(a, b), (vec![], false), "{a:?} {b:?}");
        assert_eq!(pairs(b, a), (vec![], false), "{b:?} {a:?}");
    }
    for (a, b) in harmful {
        assert_eq!(pairs(a, b), (vec![(0, 1)], false), "{a:?} {b:?}");
        assert_eq!(pairs(b, a), (vec![(0, 1)], false), "{b:?} {a:?}");
    }
}

#[test]
fn only_owners_that_share_a_byte_are_a_pair() {
    let map = survey(&board());
    let spans = [mib(0, 10), mib(1, 1), mib(2, 1), mib(9, 2), mib(10, 1), mib(11, 1)];
    let claims = spans.map(|span| claim(ClaimKind::Kernel, span));
    assert_eq!(conflict::pairs(&map, &claims).0, [(0, 1), (0, 2), (0, 3), (3, 4)]);
}

/// All pairs of 45 claims are 990.
#[test]
fn a_thousand_pairs_are_listed_and_it_is_said_that_there_are_more() {
    let map = survey(&board());
    let listed = |further: u64| {
        let mut claims = vec![claim(ClaimKind::Dtb, mib(0, 1)); 45];
        for at in 1..=further {
            claims.extend([claim(ClaimKind::Dtb, mib(at, 1)), claim(ClaimKind::Kernel, mib(at, 1))]);
        }
        let (pairs, more) = conflict::pairs(&map, &claims);
        (pairs.len(), more)
    };
    assert_eq!(
        [listed(0), listed(9), listed(10), listed(11)],
        [(990, false), (999, false), (1000, false), (1000, true)]
    );
}

#[test]
fn claims_are_found_by_what_they_share() {
    let spans = [mib(0, 8), mib(0, 4), mib(4, 4), mib(4, 4), mib(8, 4), mib(16, 1)];
    let all: Vec<Claim> = spans.iter().map(|&span| claim(ClaimKind::Memreserve, span)).collect();
    let claims = Claims { all, pairs: vec![(1, 2), (0, 9)], more_pairs: true };
    let over = |span| claims.over(span).map(|claim| claim.span).collect::<Vec<_>>();
    assert_eq!(over(mib(3, 1)), [mib(0, 8), mib(0, 4)]);
    assert_eq!(over(mib(7, 2)), [mib(0, 8), mib(4, 4), mib(4, 4), mib(8, 4)]);
    assert_eq!(over(mib(12, 4)), []);
    assert_eq!(over(mib(15, 2)), [mib(16, 1)]);
    let at = |span| claims.at(span).iter().map(|claim| claim.span).collect::<Vec<_>>();
    for span in [mib(0, 8), mib(0, 4), mib(8, 4), mib(16, 1)] {
        assert_eq!(at(span), [span]);
    }
    assert_eq!(at(mib(4, 4)), [mib(4, 4), mib(4, 4)]);
    for span in [mib(0, 2), mib(1, 1), mib(4, 5), mib(20, 1)] {
        assert_eq!(at(span), [], "{span}");
    }
    assert!(claims.pairs().eq([(claims.all[1], claims.all[2])]));
    assert!(claims.has_more_pairs() && !Claims::default().has_more_pairs());
    assert_eq!(claims.free(&[mib(0, 32)]), [mib(12, 4), mib(17, 15)]);
}

#[test]
fn an_initrd_of_the_tree_is_claimed_where_no_other_is_loaded() {
    let map = survey(&board());
    let claimed = |initrd, bundle| {
        let facts = BootFacts { initrd, bundle, ..BootFacts::default() };
        let claims = Claims::new(&map, &facts);
        claims.all().iter().find(|claim| claim.kind == ClaimKind::Initrd).map(|claim| claim.span)
    };
    assert_eq!(claimed(None, None), Some(mib(40, 1)));
    // A bundle may be what the loader calls an initrd.
    assert_eq!(claimed(None, Some(mib(40, 1))), None);
    assert_eq!(claimed(Some(Position::Fixed(mib(50, 1))), None), Some(mib(50, 1)));
    assert_eq!(claimed(Some(Position::Movable(mib(50, 1))), Some(mib(40, 1))), None);
}

#[test]
fn a_kind_has_a_name_a_source_and_a_lifetime() {
    let of = |kind: ClaimKind| (kind.name(), kind.label(), kind.source(), kind.lifetime());
    assert_eq!(of(ClaimKind::Dtb), ("dtb", "device tree blob", "dtb", Lifetime::Boot));
    let asked = ("crashkernel", "`crashkernel=`", "/chosen bootargs crashkernel=", Lifetime::Request);
    assert_eq!(of(ClaimKind::CrashKernel), asked);
    let soft = [Lifetime::Display, Lifetime::Request];
    let hard = [Lifetime::Reserved, Lifetime::Firmware, Lifetime::Boot, Lifetime::HandOff, Lifetime::EfiMap];
    assert!(
        soft.iter().all(|lifetime| lifetime.is_soft()) && !hard.iter().any(|lifetime| lifetime.is_soft())
    );
    assert!(region(&survey(&board()), "pool").is_region());
    assert!(!ClaimKind::Memreserve.is_region() && !ClaimKind::Kernel.is_region());
}
