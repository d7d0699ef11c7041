//! The face against firmware that lies, denies, and lists its memory in any way: on the host, with firmware
//! of the tests' own.

use crate::enforce::{self, Terms};
use crate::firmware::fake::{Firmware, Running};
use crate::hold::{self, Held, Pieces};
use crate::refusal::Result;
use alloc::vec::Vec;
use proptest::prelude::*;
use ringfence::efi::{Descriptor, EfiKind, PAGE};
use ringfence::fdt::{NewNode, build};
use ringfence::span::Span;

/// A carveout of two blocks, in the middle of what is free.
const CARVEOUT: (u64, u64) = (0x5000_0000, 0x2_0000);

fn carveout() -> Span {
    Span::new(CARVEOUT.0, CARVEOUT.1).unwrap()
}

/// Returns a tree with RAM, the carveout and a pool that Linux places.
fn tree() -> Vec<u8> {
    let reg = |(base, size): (u64, u64)| {
        [base.to_be_bytes(), size.to_be_bytes()].into_iter().flatten().collect::<Vec<u8>>()
    };
    let cells = |node: NewNode| node.prop_u32("#address-cells", 2).prop_u32("#size-cells", 2);
    let memory = NewNode::new("memory@40000000")
        .prop_str("device_type", "memory")
        .prop("reg", reg((0x4000_0000, 0x4000_0000)));
    let dsp = NewNode::new("dsp@50000000").prop("reg", reg(CARVEOUT)).prop("no-map", Vec::new());
    let pool = NewNode::new("pool")
        .prop_str("compatible", "shared-dma-pool")
        .prop("size", 0x40_0000u64.to_be_bytes().to_vec())
        .prop("reusable", Vec::new());
    let reserved = cells(NewNode::new("reserved-memory")).prop("ranges", Vec::new()).child(dsp).child(pool);
    build(&cells(NewNode::new("")).child(memory).child(reserved), 0, &[]).unwrap()
}

fn descriptor(ty: u32, base: u64, end: u64) -> Descriptor {
    Descriptor { ty, base, pages: (end - base) / PAGE, attributes: 0xf }
}

/// One GiB, all of it free.
fn free() -> Vec<Descriptor> {
    Vec::from([descriptor(7, 0x4000_0000, 0x8000_0000)])
}

/// The same, but for the first page of the carveout, which boot services use.
fn page_in_use() -> Vec<Descriptor> {
    let (page, after) = (CARVEOUT.0, CARVEOUT.0 + PAGE);
    [(7, 0x4000_0000, page), (4, page, after), (7, after, 0x8000_0000)]
        .map(|(ty, base, end)| descriptor(ty, base, end))
        .to_vec()
}

fn protect(pieces: &mut Pieces) -> Result<Held> {
    enforce::protect(&tree(), Terms::default(), pieces)
}

fn reserved(running: &Running) -> u64 {
    let spans = running.of(EfiKind::Reserved).into_iter().chain(running.of(EfiKind::Unusable));
    spans.filter_map(|span| span.intersection(carveout())).map(|span| span.len()).sum()
}

/// Returns how many bytes the map lists as reserved.
fn listed(running: &Running) -> u128 {
    running.of(EfiKind::Reserved).iter().map(|span| u128::from(span.len())).sum()
}

#[test]
fn a_carveout_is_held_and_the_pool_is_elsewhere() {
    let running = Firmware { map: free(), ..Firmware::default() }.start();
    let held = protect(&mut Pieces::default()).unwrap();
    assert_eq!(reserved(&running), CARVEOUT.1);
    let pools = running.of(EfiKind::BootData);
    assert_eq!(pools.iter().map(|pool| pool.len()).sum::<u64>(), 0x40_0000);
    assert!(!pools.iter().any(|pool| pool.overlaps(carveout())));
    assert!(hold::renew(&held).is_ok());
}

#[test]
fn what_the_firmware_denies_to_a_pool_is_planned_around() {
    let first = {
        let running = Firmware { map: free(), ..Firmware::default() }.start();
        protect(&mut Pieces::default()).unwrap();
        running.of(EfiKind::BootData)
    };
    let running = Firmware { map: free(), denied: first.clone(), ..Firmware::default() }.start();
    protect(&mut Pieces::default()).unwrap();
    let second = running.of(EfiKind::BootData);
    assert!(!second.is_empty() && !second.iter().any(|pool| pool.overlaps(first[0])));
}

#[test]
fn a_carveout_that_the_firmware_denies_is_refused_and_nothing_is_held() {
    let running = Firmware { map: free(), denied: Vec::from([carveout()]), ..Firmware::default() }.start();
    let mut pieces = Pieces::default();
    assert!(protect(&mut pieces).is_err());
    pieces.give_back();
    assert_eq!(running.of(EfiKind::Conventional).iter().map(|span| span.len()).sum::<u64>(), 0x4000_0000);
}

#[test]
fn what_becomes_free_in_a_carveout_is_held_before_linux_starts() {
    let running = Firmware { map: page_in_use(), ..Firmware::default() }.start();
    let held = protect(&mut Pieces::default()).unwrap();
    assert_eq!(reserved(&running), CARVEOUT.1 - PAGE);
    running.free(Span::new(CARVEOUT.0, PAGE).unwrap());
    hold::renew(&held).unwrap();
    assert_eq!(reserved(&running), CARVEOUT.1);
}

#[test]
fn what_becomes_free_and_is_denied_is_an_error() {
    let page = Span::new(CARVEOUT.0, PAGE).unwrap();
    let running = Firmware { map: page_in_use(), denied: Vec::from([page]), ..Firmware::default() }.start();
    let held = protect(&mut Pieces::default()).unwrap();
    running.free(page);
    assert!(hold::renew(&held).unwrap_err().0.contains("still free"));
}

/// Descriptors in any order, twice, empty, off pages, wrapping around, with types that no one knows.
fn maps() -> impl Strategy<Value = Vec<Descriptor>> {
    let near = (0u64..0x40).prop_map(|n| 0x4fff_0000 + n * 0x800);
    let base = prop_oneof![6 => near, 1 => any::<u64>()];
    let pages = prop_oneof![8 => 0u64..40, 1 => any::<u64>()];
    let ty = prop_oneof![8 => 0u32..16, 1 => any::<u32>()];
    let one = (ty, base, pages, prop_oneof![4 => Just(0xfu64), 1 => any::<u64>()]);
    proptest::collection::vec(one, 0..12).prop_map(|all| {
        let all = all.into_iter();
        all.map(|(ty, base, pages, attributes)| Descriptor { ty, base, pages, attributes }).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_map_ends_with_the_carveout_held_or_with_a_refusal(extra in maps(), twice: bool) {
        let mut map = free();
        map.extend(&extra);
        if twice {
            map.extend(&extra);
        }
        let running = Firmware { map, ..Firmware::default() }.start();
        let before = listed(&running);
        let mut pieces = Pieces::default();
        if protect(&mut pieces).is_ok() {
            let free = running.of(EfiKind::Conventional);
            let other = |span: Span| extra.iter().any(|d| {
                let end = d.base.saturating_add(d.pages.saturating_mul(PAGE));
                d.base < span.end() && span.base() < end
            });
            // What is still called free is in a range that something else claims, too.
            prop_assert!(free.iter().filter_map(|span| span.intersection(carveout())).all(other));
        }
        pieces.give_back();
        prop_assert_eq!(listed(&running), before);
    }
}
