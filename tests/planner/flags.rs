//! Flags and properties that say what a region is.

use crate::board::{
    RAM, at, board, carveout, fix, kinds, layout, reg, region, required, requiring, reserved,
};
use ringfence::fdt::{NewNode, Tree};
use ringfence::prove::Proven;
use ringfence::span::MIB;

/// Returns the names of the properties of the only region.
fn props(proven: &Proven) -> Vec<String> {
    let tree = Tree::parse(proven.dtb()).unwrap();
    let node = tree.node(proven.map().regions[0].node);
    node.props().map(|prop| prop.name.to_string()).collect()
}

#[test]
fn a_reg_in_other_cells_is_rewritten_where_the_unit_address_leaves_no_doubt() {
    let base = RAM + 64 * MIB;
    let with =
        |unit: &str| NewNode::new(unit).prop_cells("reg", &[0, base as u32, MIB as u32]).prop_empty("no-map");
    for (unit, repairs) in
        [("tf-a@44000000", &["rewrite-reg"][..]), ("tf-a@0x44000000", &["rewrite-reg", "rename"])]
    {
        let proven = fix(&board([reserved([with(unit)])]), None).unwrap();
        assert_eq!(layout(&proven), at(&[("tf-a", 64, 1)]));
        assert_eq!(proven.map().regions[0].path, "/reserved-memory/tf-a@44000000");
        assert_eq!(kinds(&proven), repairs);
    }
    for unit in ["tf-a", "tf-a@44100000", "tf-a@0"] {
        assert!(fix(&board([reserved([with(unit)])]), None).is_err(), "{unit}");
    }
}

#[test]
fn a_size_beside_reg_goes() {
    let both = carveout("dsp", 64, 1).prop("size", (2 * MIB).to_be_bytes());
    let proven = fix(&board([reserved([both.clone()])]), None).unwrap();
    assert_eq!(
        (layout(&proven), props(&proven)),
        (at(&[("dsp", 64, 1)]), vec!["reg".into(), "no-map".into()])
    );
    assert_eq!(kinds(&proven), ["drop-size"]);
    // With other cells around it, too.
    let narrow = NewNode { props: Vec::new(), ..reserved([]) };
    let narrow = narrow.prop_u32("#address-cells", 1).prop_u32("#size-cells", 1).prop_empty("ranges");
    let region = NewNode::new("dsp@44000000").prop_cells("reg", &[(RAM + 64 * MIB) as u32, MIB as u32]);
    let region = region.prop_u32("size", MIB as u32).prop_empty("no-map");
    let proven = fix(&board([narrow.child(region)]), None).unwrap();
    assert_eq!(
        (layout(&proven), props(&proven)),
        (at(&[("dsp", 64, 1)]), vec!["reg".into(), "no-map".into()])
    );
}

#[test]
fn a_restricted_pool_loses_what_it_cannot_have_with_the_policys_word() {
    let pool = |flags: &[&str]| {
        let pool = region("pool", 64, 4).prop_str("compatible", "restricted-dma-pool");
        board([reserved([flags.iter().fold(pool, |pool, flag| pool.prop_empty(flag))])])
    };
    let flagged = pool(&["reusable", "linux,cma-default"]);
    assert!(fix(&flagged, None).is_err());
    let proven = fix(&flagged, Some(&requiring([]))).unwrap();
    assert_eq!(props(&proven), ["reg", "compatible"]);
    assert_eq!(kinds(&proven), ["drop-flags"]);
    // No repair gives to Linux what is protected.
    assert!(fix(&pool(&["no-map"]), Some(&requiring([]))).is_err());
}

#[test]
fn a_coherent_pool_and_what_its_driver_maps_are_unmapped() {
    for compatible in ["shared-dma-pool", "qcom,cmd-db", "qcom,rmtfs-mem", "google,open-dice"] {
        let mapped = region("mem", 64, 4).prop_str("compatible", compatible);
        let proven = fix(&board([reserved([mapped.clone()])]), None).unwrap();
        assert_eq!(props(&proven), ["reg", "compatible", "no-map"]);
        assert_eq!(kinds(&proven), ["add-no-map"]);
        assert!(fix(proven.dtb(), None).unwrap().findings().is_empty());
        // CMA was meant, or both at once: the tree's author has to say which.
        for flag in ["reusable", "linux,cma-default"] {
            let dtb = board([reserved([mapped.clone().prop_empty(flag)])]);
            assert_eq!(fix(&dtb, None).unwrap().dtb(), dtb, "{compatible} {flag}");
        }
    }
}

#[test]
fn what_firmware_has_taken_is_unmapped() {
    let proven = fix(&board([reserved([region("optee_core", 64, 4), region("log", 80, 1)])]), None).unwrap();
    let no_map: Vec<bool> = proven.map().regions.iter().map(|region| region.no_map).collect();
    assert_eq!((no_map, kinds(&proven)), (vec![true, false], vec!["add-no-map"]));
}

#[test]
fn what_is_unmapped_covers_whole_pages_at_once() {
    let odd = NewNode::new("db@44000800").prop("reg", reg(&[(RAM + 64 * MIB + 0x800, 0x1000)]));
    let odd = odd.prop_str("compatible", "qcom,cmd-db");
    let proven = fix(&board([reserved([odd])]), None).unwrap();
    assert_eq!(layout(&proven)[0].1, 64);
    assert_eq!(proven.map().regions[0].spans()[0].len(), 0x2000);
    assert_eq!(fix(proven.dtb(), None).unwrap().dtb(), proven.dtb());
}

#[test]
fn each_tuple_of_what_is_unmapped_is() {
    let two = NewNode::new("db@44000000")
        .prop("reg", reg(&[(RAM + 64 * MIB, MIB), (RAM + 80 * MIB, MIB)]))
        .prop_str("compatible", "qcom,cmd-db");
    let proven = fix(&board([reserved([two])]), None).unwrap();
    assert_eq!(layout(&proven), at(&[("db", 64, 1), ("db-1", 80, 1)]));
    assert!(proven.map().regions.iter().all(|region| region.no_map));
}

#[test]
fn a_dynamic_coherent_pool_is_pinned_and_unmapped() {
    let pool = NewNode::new("pool").prop("size", (4 * MIB).to_be_bytes());
    let pool = pool.prop_str("compatible", "shared-dma-pool");
    let proven = fix(&board([reserved([pool])]), None).unwrap();
    assert_eq!((layout(&proven), props(&proven).len()), (at(&[("pool", 1020, 4)]), 3));
    assert!(proven.map().regions[0].no_map);
}

#[test]
fn a_misspelled_no_map_is_written_right() {
    let proven = fix(&board([reserved([region("secure", 64, 4).prop_empty("no-mem")])]), None).unwrap();
    assert_eq!(props(&proven), ["reg", "no-map"]);
    assert!(fix(&board([reserved([region("pool", 64, 4).prop_empty("resuable")])]), None).is_err());
}

#[test]
fn what_the_policy_requires_is_unmapped_where_it_is() {
    let policy = requiring([required("tz", 64, 4)]);
    let mapped = region("tz", 64, 4);
    for region in [mapped.clone(), mapped.prop_str("compatible", "shared-dma-pool").prop_empty("reusable")] {
        let proven = fix(&board([reserved([region])]), Some(&policy)).unwrap();
        assert_eq!((layout(&proven), kinds(&proven)), (at(&[("tz", 64, 4)]), vec!["restore"]));
        assert!(
            props(&proven).contains(&"no-map".to_string())
                && !props(&proven).contains(&"reusable".to_string())
        );
    }
}

#[test]
fn a_region_that_moves_keeps_what_only_dynamic_ones_need() {
    let odd = carveout("camera", 68, 8).prop_u64("alignment", MIB);
    let dtb = board([reserved([carveout("dsp", 64, 8), odd])]);
    let proven = fix(&dtb, Some(&requiring([]))).unwrap();
    assert_eq!((layout(&proven), kinds(&proven)), (at(&[("dsp", 64, 8), ("camera", 72, 8)]), vec!["shift"]));
    let tree = Tree::parse(proven.dtb()).unwrap();
    assert!(tree.node(proven.map().regions[1].node).has_prop("alignment"));
}

#[test]
fn a_pool_in_the_way_of_what_moves_up_is_placed_as_a_pool() {
    let pool = region("pool", 76, 16).prop_str("compatible", "shared-dma-pool").prop_empty("reusable");
    let dtb = board([reserved([carveout("dsp", 64, 8), carveout("camera", 70, 8), pool])]);
    let proven = fix(&dtb, Some(&requiring([]))).unwrap();
    assert_eq!(kinds(&proven), ["shift", "align-pool"], "{:?}", layout(&proven));
}

#[test]
fn a_pool_pushes_nothing_up() {
    let pool = region("pool", 64, 16).prop_str("compatible", "shared-dma-pool").prop_empty("reusable");
    let regions = [pool, carveout("tz", 70, 4), carveout("dsp", 100, 8), carveout("camera", 104, 8)];
    let proven = fix(&board([reserved(regions)]), Some(&requiring([]))).unwrap();
    let stays = at(&[("tz", 70, 4), ("dsp", 100, 8), ("camera", 108, 8)]);
    assert_eq!(layout(&proven)[1..4], stays);
}
