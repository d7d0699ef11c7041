//! EFI boots: what the firmware's memory map and the load options ask of the plan.

use crate::board::*;
use crate::cma::{NO_ROOM, OPEN_QUOTE, stuck};
use ringfence::efi::{Descriptor, EfiMap, HoldKind, take_load_options};
use ringfence::facts::{BootFacts, EfiFacts};
use ringfence::fdt::{NewNode, Tree};
use ringfence::finding::RuleId;
use ringfence::policy::Policy;
use ringfence::prove::Refusal;
use ringfence::span::MIB;

const BOOT_DATA: u32 = 4;
const RUNTIME_DATA: u32 = 6;
const FREE: u32 = 7;

/// Returns the facts of a boot whose map lists whole MiB, counted from the start of RAM, as a type; the rest
/// of the first GiB is free.
fn facts(listed: &[(u32, u64, u64)]) -> BootFacts {
    let descriptor = |ty, at: u64, mib: u64| Descriptor {
        ty,
        base: RAM + at * MIB,
        pages: mib * MIB / 4096,
        attributes: 0xf,
    };
    let listed = listed.iter().map(|&(ty, at, mib)| descriptor(ty, at, mib));
    let map = EfiMap::new(listed.chain([descriptor(FREE, 0, 1024)]));
    BootFacts { efi: Some(EfiFacts { map, ..EfiFacts::default() }), ..BootFacts::default() }
}

fn pool(name: &str, at_mib: u64, mib: u64) -> NewNode {
    region(name, at_mib, mib).prop_str("compatible", "shared-dma-pool").prop_empty("reusable")
}

#[test]
fn a_pool_over_firmware_memory_moves_only_with_permission() {
    let dtb = board([reserved([pool("heap", 960, 32)])]);
    let facts = facts(&[(RUNTIME_DATA, 968, 8)]);
    for policy in [None, Some(Policy::default())] {
        let Err(Refusal::Findings(findings)) = fix_at_boot(&dtb, policy.as_ref(), &facts) else { panic!() };
        assert_eq!(findings[0].rule, RuleId(702));
    }
    let proven = fix_at_boot(&dtb, Some(&requiring([])), &facts).unwrap();
    assert_eq!(layout(&proven), at(&[("heap", 992, 32)]));
    assert_eq!(kinds(&proven)[0], "move-pool");
}

#[test]
fn a_pool_that_the_firmware_lists_as_it_should_stays() {
    let dtb = board([reserved([pool("heap", 960, 32)])]);
    let proven = fix_at_boot(&dtb, Some(&requiring([])), &facts(&[(BOOT_DATA, 960, 32)])).unwrap();
    assert_eq!(proven.dtb(), dtb);
}

#[test]
fn an_entry_that_efi_drops_becomes_a_region_that_is_held() {
    let dtb = board_with(&[(RAM + 64 * MIB, 2 * MIB)], []);
    let proven = fix_at_boot(&dtb, None, &facts(&[])).unwrap();
    assert_eq!(layout(&proven), at(&[("memreserve", 64, 2)]));
    assert!(!proven.map().regions[0].no_map);
    let hold = &proven.holds()[0];
    assert_eq!((hold.span, hold.kind), (mib_span(64, 2), HoldKind::BootData));
    // What the map keeps from Linux is safe without a region.
    let kept = fix_at_boot(&dtb, None, &facts(&[(RUNTIME_DATA, 64, 2)])).unwrap();
    assert_eq!(kept.dtb(), dtb);
}

#[test]
fn load_options_do_not_lose_the_pool_of_the_bootargs() {
    let dtb = board([chosen("console=ttyAMA0 cma=64M@0x50000000")]);
    let taken = |line: &str| {
        let (dtb, replaced) = take_load_options(&Tree::parse(&dtb).unwrap(), line.as_bytes()).unwrap();
        let mut facts = facts(&[]);
        facts.efi.as_mut().unwrap().replaced = replaced;
        fix_at_boot(&dtb, None, &facts).unwrap()
    };
    assert_eq!(bootargs(&taken("quiet")), "quiet cma=64M@0x50000000");
    assert_eq!(bootargs(&taken("quiet cma=32M")), "quiet cma=32M");
}

#[test]
fn load_options_that_cannot_take_cma_say_why() {
    let dtb = board([chosen("console=ttyAMA0 cma=64M@0x50000000")]);
    let why = |line: &str| {
        let (dtb, replaced) = take_load_options(&Tree::parse(&dtb).unwrap(), line.as_bytes()).unwrap();
        let mut facts = facts(&[]);
        facts.efi.as_mut().unwrap().replaced = replaced;
        stuck(&dtb, None, &facts)
    };
    assert_eq!(why(&"long ".repeat(409)), [NO_ROOM]);
    assert_eq!(why("quiet init=\"/bin/sh"), [OPEN_QUOTE]);
}

#[test]
fn an_initrd_that_is_not_this_boots_is_dropped() {
    let named = |at: u64| {
        let chosen = NewNode::new("chosen")
            .prop("linux,initrd-start", (RAM + at * MIB).to_be_bytes())
            .prop("linux,initrd-end", (RAM + (at + 4) * MIB).to_be_bytes());
        board([chosen])
    };
    let mut facts = facts(&[(2, 512, 4)]);
    assert_eq!(kinds(&fix_at_boot(&named(256), None, &facts).unwrap()), ["drop-initrd"]);
    assert_eq!(kinds(&fix_at_boot(&named(512), None, &facts).unwrap()), [""; 0]);
    facts.efi.as_mut().unwrap().offers_initrd = true;
    assert_eq!(kinds(&fix_at_boot(&named(512), None, &facts).unwrap()), ["drop-initrd"]);
}
