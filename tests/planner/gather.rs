//! Regions where no kernel looks are moved to where Linux reads them.

use crate::board::{RAM, at, board, carveout, fix, kinds, layout, reg, required, requiring, reserved};
use ringfence::fdt::{NewNode, Tree, build};
use ringfence::prove::Proven;
use ringfence::span::MIB;

/// Returns a carveout of one MiB with a phandle.
fn dsp(at_mib: u64) -> NewNode {
    carveout("dsp", at_mib, 1).prop_u32("phandle", 9)
}

fn path_of(proven: &Proven, phandle: u32) -> String {
    Tree::parse(proven.dtb()).unwrap().by_phandle(phandle).unwrap().path()
}

fn symbol(proven: &Proven) -> String {
    let tree = Tree::parse(proven.dtb()).unwrap();
    let symbols = tree.find("/__symbols__").unwrap();
    symbols.prop("dsp_mem").unwrap().as_str().unwrap().to_string()
}

fn symbols(path: &str) -> NewNode {
    NewNode::new("__symbols__").prop_str("dsp_mem", path)
}

#[test]
fn a_second_reserved_memory_joins_the_first_and_paths_follow() {
    let second = NewNode::new("reserved-memory@1")
        .prop_u32("#address-cells", 1)
        .prop_u32("#size-cells", 1)
        .child(
            NewNode::new("dsp@50000000")
                .prop_cells("reg", &[0x5000_0000, 0x10_0000])
                .prop_u32("phandle", 9)
                .prop_empty("no-map"),
        )
        .child(
            NewNode::new("off@51000000")
                .prop_cells("reg", &[0x5100_0000, 0x1000])
                .prop_str("status", "disabled"),
        );
    let dtb = board([reserved([carveout("tz", 1, 1)]), second, symbols("/reserved-memory@1/dsp@50000000")]);
    let proven = fix(&dtb, None).unwrap();
    assert_eq!(layout(&proven), at(&[("tz", 1, 1), ("dsp", 256, 1), ("off", 272, 0)]));
    assert_eq!(path_of(&proven, 9), "/reserved-memory/dsp@50000000");
    assert_eq!(symbol(&proven), "/reserved-memory/dsp@50000000");
    assert!(proven.map().regions[1].no_map && !proven.map().regions[2].enabled);
    assert!(Tree::parse(proven.dtb()).unwrap().find("/reserved-memory@1").is_none());
    assert_eq!(kinds(&proven), ["gather"]);
    let line = proven.repairs()[0].to_string();
    assert!(line.starts_with("/reserved-memory@1: ") && line.ends_with(&proven.repairs()[0].what), "{line}");
}

#[test]
fn what_cannot_be_moved_without_a_doubt_is_left_and_refused() {
    let short = NewNode::new("short").prop("reg", MIB.to_be_bytes());
    let second = NewNode { name: "reserved-memory@1".into(), ..reserved([dsp(64), short]) };
    assert!(fix(&board([reserved([]), second]), Some(&requiring([]))).is_err());
}

#[test]
fn what_linux_does_not_read_of_a_region_does_not_keep_it_where_it_is() {
    let dsp = NewNode::new("dsp@50000000").prop_cells("reg", &[0x5000_0000, 0x10_0000]).prop_empty("no-map");
    let second = NewNode::new("reserved-memory@1").prop_u32("#address-cells", 1).prop_u32("#size-cells", 1);
    let odd = dsp.prop("alignment", [1, 2, 3]).prop_u32("phandle", 9);
    let proven = fix(&board([reserved([]), second.child(odd)]), None).unwrap();
    assert_eq!(layout(&proven), at(&[("dsp", 256, 1)]));
    let tree = Tree::parse(proven.dtb()).unwrap();
    assert!(tree.by_phandle(9).unwrap().prop("alignment").is_none());
}

#[test]
fn what_linux_reads_of_a_region_and_cannot_be_written_keeps_it_where_it_is() {
    let heap =
        NewNode::new("heap").prop_u64("size", 4 * MIB).prop("alloc-ranges", reg(&[(1 << 33, 64 * MIB)]));
    let second = NewNode { name: "reserved-memory@1".into(), ..reserved([heap.prop_u32("phandle", 9)]) };
    let first = NewNode::new("reserved-memory").prop_u32("#address-cells", 1).prop_u32("#size-cells", 1);
    let root = NewNode::new("").prop_u32("#address-cells", 1).prop_u32("#size-cells", 1);
    let bare = build(&root.child(first.prop_empty("ranges")).child(second), 0, &[]).unwrap();
    let left = fix(&bare, None).map(|proven| path_of(&proven, 9));
    assert_ne!(left.ok().as_deref(), Some("/reserved-memory/heap"));
}

#[test]
fn a_dynamic_region_of_a_second_reserved_memory_is_pinned_in_the_first() {
    let heap = |cells: u32| {
        let number = |value: u64| value.to_be_bytes()[8 - 4 * cells as usize..].to_vec();
        let heap = NewNode::new("heap").prop("size", number(4 * MIB)).prop("alignment", number(2 * MIB));
        heap.prop_u32("phandle", 9).prop_str("compatible", "shared-dma-pool")
    };
    let second = NewNode::new("reserved-memory@1").prop_u32("#address-cells", 1).prop_u32("#size-cells", 1);
    let dtb = board([reserved([carveout("tz", 1020, 4)]), second.child(heap(1))]);
    let proven = fix(&dtb, None).unwrap();
    assert_eq!(layout(&proven), at(&[("tz", 1020, 4), ("heap", 1016, 4)]));
    assert!(proven.map().regions[1].no_map, "a coherent pool is of no use mapped");
    assert_eq!(path_of(&proven, 9), "/reserved-memory/heap");
    assert_eq!(kinds(&proven), ["gather", "pin", "add-no-map"]);
    assert_eq!(fix(proven.dtb(), None).unwrap().dtb(), proven.dtb());
    // While the RAM is unknown, its place is found later.
    let root = NewNode::new("").prop_u32("#address-cells", 2).prop_u32("#size-cells", 2);
    let second = NewNode { name: "reserved-memory@1".into(), ..reserved([heap(2)]) };
    let bare = build(&root.child(reserved([])).child(second), 0, &[]).unwrap();
    let proven = fix(&bare, None).unwrap();
    assert_eq!(
        (path_of(&proven, 9), kinds(&proven)),
        ("/reserved-memory/heap".into(), vec!["gather", "add-no-map"])
    );
}

#[test]
fn a_region_comes_up_from_any_depth_and_out_of_another_that_does() {
    let deep = NewNode::new("group").child(NewNode::new("more").child(NewNode::new("yet").child(dsp(64))));
    let proven = fix(&board([reserved([deep])]), None).unwrap();
    assert_eq!(path_of(&proven, 9), format!("/reserved-memory/dsp@{:x}", RAM + 64 * MIB));
    assert!(Tree::parse(proven.dtb()).unwrap().find("/reserved-memory/group/more/yet").is_some());
    let nested = NewNode::new("group").child(carveout("tz", 80, 1).child(dsp(64)));
    let proven = fix(&board([reserved([nested])]), None).unwrap();
    assert_eq!(layout(&proven), at(&[("dsp", 64, 1), ("tz", 80, 1)]));
    assert_eq!(kinds(&proven), ["hoist", "hoist"]);
}

#[test]
fn a_misspelled_parent_is_corrected_only_with_the_policys_word() {
    let misspelled = NewNode { name: "reserved_memory".into(), ..reserved([dsp(64)]) };
    let dtb = board([misspelled, symbols(&format!("/reserved_memory/dsp@{:x}", RAM + 64 * MIB))]);
    assert!(fix(&dtb, None).is_err());
    let proven = fix(&dtb, Some(&requiring([]))).unwrap();
    assert_eq!(layout(&proven), at(&[("dsp", 64, 1)]));
    assert_eq!(symbol(&proven), path_of(&proven, 9));
    assert_eq!(kinds(&proven), ["respell"]);
}

#[test]
fn a_required_carveout_in_the_wrong_place_is_moved_and_not_made_twice() {
    let second = NewNode { name: "reserved-memory@1".into(), ..reserved([dsp(64)]) };
    let policy = requiring([required("dsp", 64, 2)]);
    let proven = fix(&board([reserved([carveout("tz", 1, 1)]), second]), Some(&policy)).unwrap();
    assert_eq!(layout(&proven), at(&[("tz", 1, 1), ("dsp", 64, 2)]));
    assert_eq!(path_of(&proven, 9), format!("/reserved-memory/dsp@{:x}", RAM + 64 * MIB));
}

#[test]
fn a_nested_region_comes_up_and_its_group_stays() {
    let proven = fix(&board([reserved([NewNode::new("group").child(dsp(64))])]), None).unwrap();
    assert_eq!(path_of(&proven, 9), format!("/reserved-memory/dsp@{:x}", RAM + 64 * MIB));
    assert!(Tree::parse(proven.dtb()).unwrap().find("/reserved-memory/group").is_some());
    assert_eq!(kinds(&proven), ["hoist"]);
}

#[test]
fn a_status_that_hides_a_region_goes_only_with_the_policys_word() {
    let hidden = carveout("dsp", 64, 1).prop_str("status", "reserved");
    let dtb = board([reserved([hidden])]);
    assert_eq!(fix(&dtb, None).unwrap().dtb(), dtb);
    let proven = fix(&dtb, Some(&requiring([]))).unwrap();
    assert!(proven.map().regions[0].enabled);
    assert_eq!(kinds(&proven), ["enable"]);
}

#[test]
fn an_empty_region_is_disabled_at_boot_when_nobody_refers_to_it() {
    let empty = |name: &str| NewNode::new(name).prop("reg", reg(&[(RAM, 0)]));
    let used = empty("used").prop_u32("phandle", 9);
    let device = NewNode::new("device").prop_u32("memory-region", 9);
    let regions = || reserved([empty("unused"), used.clone()]);
    let at_rest = board([regions(), device.clone()]);
    assert_eq!(fix(&at_rest, None).unwrap().dtb(), at_rest);
    let chosen = NewNode::new("chosen").prop_u64("kaslr-seed", 1);
    let proven = fix(&board([chosen, regions(), device]), None).unwrap();
    assert_eq!(proven.map().regions.iter().map(|region| region.enabled).collect::<Vec<_>>(), [false, true]);
    assert_eq!(kinds(&proven), ["disable"]);
}

#[test]
fn a_name_that_is_taken_is_not_given_twice() {
    let off = |mib: u64| {
        NewNode::new("off").prop("reg", reg(&[(RAM + mib * MIB, MIB)])).prop_str("status", "disabled")
    };
    let second = NewNode { name: "reserved-memory@1".into(), ..reserved([off(80)]) };
    let proven = fix(&board([reserved([off(64)]), second]), None).unwrap();
    assert_eq!(layout(&proven), at(&[("off", 64, 1), ("off-moved", 80, 1)]));
}
