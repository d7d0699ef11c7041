//! The builder against its specification, and against the `aarch64-paging` crate as an independent one.

use super::*;
use aarch64_paging::descriptor::El1Attributes;
use aarch64_paging::idmap::IdMap;
use aarch64_paging::paging::{Constraints, El1And0, MemoryRegion};
use ringfence::span::Span;

const POOL: u64 = 0x7000_0000;

fn span(base: u64, end: u64) -> Span {
    Span::from_ends(base, end).unwrap()
}

fn with_map<R>(regime: Regime, limit: u64, spans: &[(Span, Access)], look: impl Fn(&Builder<'_>) -> R) -> R {
    let mut pool = vec![Table([u64::MAX; ENTRIES]); 64];
    let mut builder = Builder::new(&mut pool, POOL, limit, 48, regime, |t, n| t.0[..n].fill(0)).unwrap();
    for &(span, access) in spans {
        builder.map(span, access).unwrap();
    }
    look(&builder)
}

#[test]
fn every_address_inside_maps_to_itself_and_none_outside() {
    let wanted = span(0x4020_1000, 0x1_0060_3000);
    with_map(Regime::El1, 1 << 39, &[(wanted, Access::Data)], |map| {
        for at in [0x4020_1000, 0x4020_1fff, 0x4040_0000, 0x8000_0000, 0xffff_ffff, 0x1_0060_2fff] {
            let leaf = map.walk(at).unwrap();
            let output = leaf & 0x0000_ffff_ffff_f000;
            assert!(at >= output && at - output < 1 << 30, "{at:#x} goes to {output:#x}");
        }
        for at in [0, 0x4020_0fff, 0x1_0060_3000, 1 << 38, u64::MAX] {
            assert_eq!(map.walk(at), None, "{at:#x}");
        }
    });
}

#[test]
fn the_largest_leaf_that_fits_is_taken() {
    with_map(Regime::El1, 1 << 39, &[(span(0x3fff_f000, 0xc020_1000), Access::Data)], |map| {
        assert_eq!(map.walk(0x3fff_f000).unwrap() & 3, 3, "a page");
        assert_eq!(map.walk(0x4000_0000).unwrap() & 3, 1, "a block");
        assert_eq!(map.tables_used(), 5, "root, two at level 2 and two at level 3; 1 GiB blocks need none");
    });
}

#[test]
fn el1_and_el2_want_different_bits() {
    let (code, data) = (span(0x1000, 0x2000), span(0x2000, 0x3000));
    let spans = [(code, Access::Code), (data, Access::Data)];
    let bits = |regime, at| with_map(regime, 1 << 39, &spans, |map| map.walk(at).unwrap() >> 53 & 3);
    assert_eq!(bits(Regime::El1, 0x1000), 0b10, "UXN only");
    assert_eq!(bits(Regime::El1, 0x2000), 0b11, "UXN and PXN");
    assert_eq!(bits(Regime::El2, 0x1000), 0b00);
    assert_eq!(bits(Regime::El2, 0x2000), 0b10, "XN; bit 53 is RES0");
    assert_eq!(bits(Regime::El2Host, 0x2000), bits(Regime::El1, 0x2000));
    let res1 = |regime| with_map(regime, 1 << 39, &spans, |map| map.walk(0x2000).unwrap() >> 6 & 1);
    assert_eq!((res1(Regime::El1), res1(Regime::El2)), (0, 1), "AP[1]: EL0 access, or RES1");
}

#[test]
fn the_control_register_has_the_form_of_its_regime() {
    let (el1, el2) = (0x0080_3500, 0x8080_3500);
    assert_eq!(translation_control(Regime::El1, 39, 48), el1 | 25 | 5 << 32);
    assert_eq!(translation_control(Regime::El2, 39, 40), el2 | 25 | 2 << 16);
    assert_eq!(translation_control(Regime::El2Host, 48, 36), el1 | 16 | 1 << 32);
}

#[test]
fn nothing_is_writable_and_executable() {
    for access in [Access::Code, Access::ReadOnly, Access::Data, Access::Device] {
        for (regime, execute_never) in [(Regime::El1, 1 << 53), (Regime::El2, 1 << 54)] {
            let leaf =
                with_map(regime, 1 << 39, &[(span(0x1000, 0x2000), access)], |m| m.walk(0x1000).unwrap());
            let writable = leaf & (1 << 7) == 0;
            let executable = leaf & execute_never == 0;
            assert!(!(writable && executable), "{access:?} at {regime:?}");
        }
    }
}

#[test]
fn mapping_twice_is_an_error_in_either_order_of_size() {
    let mut pool = vec![Table::EMPTY; 16];
    let mut map = Builder::new(&mut pool, POOL, 1 << 32, 48, Regime::El1, |t, n| t.0[..n].fill(0)).unwrap();
    map.map(span(0x4020_0000, 0x4020_1000), Access::Data).unwrap();
    map.map(span(0x8000_0000, 0xc000_0000), Access::Data).unwrap();
    let twice = |map: &mut Builder<'_>, base, end| map.map(span(base, end), Access::Data);
    assert_eq!(
        twice(&mut map, 0x4020_0000, 0x4040_0000),
        Err(MapError::AlreadyMapped { address: 0x4020_0000 })
    );
    assert_eq!(
        twice(&mut map, 0x8000_5000, 0x8000_6000),
        Err(MapError::AlreadyMapped { address: 0x8000_5000 })
    );
}

#[test]
fn limits_are_errors_with_numbers() {
    let mut pool = vec![Table::EMPTY; 2];
    let mut map = Builder::new(&mut pool, POOL, 1 << 36, 36, Regime::El1, |t, n| t.0[..n].fill(0)).unwrap();
    assert_eq!(
        map.map(span(1 << 36, (1 << 36) + PAGE), Access::Data),
        Err(MapError::BeyondAddressSize { end: (1 << 36) + PAGE, bits: 36 })
    );
    assert_eq!(map.map(span(0x1000, 0x2800), Access::Data), Err(MapError::Unaligned { base: 0x1000 }));
    assert_eq!(map.map(span(0x1000, 0x2000), Access::Data), Err(MapError::OutOfTables { pool: 2 }));
    assert!(matches!(
        Builder::new(&mut [], POOL, 1, 48, Regime::El1, |_, _| {}),
        Err(MapError::OutOfTables { pool: 0 })
    ));
    assert!(matches!(
        Builder::new(&mut [Table::EMPTY], POOL, 1 << 41, 40, Regime::El1, |_, _| {}),
        Err(MapError::BeyondAddressSize { bits: 40, .. })
    ));
}

#[test]
fn memory_above_512_gib_takes_a_fourth_level() {
    let high = span(0x880_0000_0000, 0x880_0020_0000);
    with_map(Regime::El1, high.end(), &[(high, Access::Data)], |map| {
        assert_eq!(map.virtual_bits(), 44);
        assert!(map.walk(0x880_0010_0000).is_some());
        assert_eq!(map.walk(0x880_0020_0000), None);
    });
}

#[test]
fn a_map_covers_no_more_bits_than_it_needs() {
    let bits = |limit| with_map(Regime::El1, limit, &[], |map| map.virtual_bits());
    assert_eq!(bits(0x4000_0000), 31, "the least with the root at level 1");
    assert_eq!(bits(0x8000_0000), 31);
    assert_eq!(bits(0x8000_0001), 32);
    assert_eq!(bits(1 << 39), 39);
    assert_eq!(bits((1 << 39) + 1), 40);
    assert_eq!(bits(1 << 48), 48);
}

#[test]
fn an_independent_builder_makes_the_same_leaves() {
    let spans = [
        (span(0x0900_0000, 0x0900_1000), Access::Device),
        (span(0x4000_0000, 0x4020_0000), Access::Data),
        (span(0x4020_0000, 0x4021_1000), Access::Code),
        (span(0x4021_1000, 0x4021_6000), Access::ReadOnly),
        (span(0x4021_6000, 0x8430_0000), Access::Data),
        (span(0x8480_0000, 0x1_4000_0000), Access::Data),
    ];
    let common = El1Attributes::VALID | El1Attributes::ACCESSED | El1Attributes::UXN;
    let normal = common | El1Attributes::ATTRIBUTE_INDEX_1 | El1Attributes::INNER_SHAREABLE;
    let mut oracle = IdMap::with_asid(0, 1, El1And0);
    for (span, access) in spans {
        let attributes = match access {
            Access::Code => normal | El1Attributes::READ_ONLY,
            Access::ReadOnly => normal | El1Attributes::READ_ONLY | El1Attributes::PXN,
            Access::Data => normal | El1Attributes::PXN,
            Access::Device => common | El1Attributes::PXN,
        };
        let region = MemoryRegion::new(span.base() as usize, span.end() as usize);
        oracle.map_range_with_constraints(&region, attributes, Constraints::empty()).unwrap();
    }
    with_map(Regime::El1, 0x1_4000_0000, &spans, |map| {
        let mut leaves = 0;
        let everything = MemoryRegion::new(0, 0x2_0000_0000);
        oracle
            .walk_range(&everything, &mut |region, descriptor, level| {
                let at = region.start().0 as u64;
                if !descriptor.is_valid() {
                    assert_eq!(map.walk(at), None, "at {at:#x}");
                    return Ok(());
                }
                let ours = map.walk(at).unwrap_or(0);
                let kind = if level == 3 { 3 } else { 1 };
                let address = descriptor.output_address().0 as u64;
                let attributes = descriptor.flags().bits() as u64;
                assert_eq!(ours, address | attributes | kind, "at {at:#x}");
                leaves += 1;
                Ok(())
            })
            .unwrap();
        assert!(leaves > 6, "{leaves} leaves compared");
    });
}
