//! What the planner does, repair by repair.

mod board;
mod boot;
mod cma;
mod efi;
mod flags;
mod gather;
mod guard;
mod log;
mod offers;
mod protected;
mod sentinel;

use board::*;
use ringfence::fdt::{NewNode, Tree};
use ringfence::policy::{Carveout, Key, Policy};
use ringfence::prove::Refusal;
use ringfence::span::MIB;

#[test]
fn a_region_that_grew_pushes_the_next_ones_up_around_what_the_policy_pins() {
    let dtb = board([reserved([
        carveout("camera", 64, 7),
        carveout("wpss", 69, 4),
        carveout("firmware", 73, 2),
        carveout("adsp", 75, 3),
    ])]);
    let policy = requiring([required("firmware", 73, 2), required("camera", 64, 7)]);
    let proven = fix(&dtb, Some(&policy)).unwrap();
    // wpss must leave 69; 71..75 does not hold it because of firmware at 73, so it goes after, and adsp
    // after it. What both left after stays protected.
    assert_eq!(
        layout(&proven),
        at(&[
            ("camera", 64, 7),
            ("wpss", 75, 4),
            ("firmware", 73, 2),
            ("adsp", 79, 3),
            ("ringfence-guard", 71, 2)
        ])
    );
}

#[test]
fn a_required_carveout_without_a_base_may_move_and_is_still_found() {
    let dtb = board([reserved([carveout("camera", 64, 7), carveout("wpss", 69, 4)])]);
    let mut wpss = carveout_required("wpss", 69, 4);
    wpss.base = None;
    let proven = fix(&dtb, Some(&requiring([required("camera", 64, 7), wpss.into()]))).unwrap();
    assert_eq!(layout(&proven), at(&[("camera", 64, 7), ("wpss", 71, 4)]));
}

#[test]
fn a_shift_needs_the_policys_word() {
    let dtb = board([reserved([carveout("camera", 64, 7), carveout("wpss", 69, 4)])]);
    assert!(matches!(fix(&dtb, None), Err(Refusal::Findings(_))));
    assert!(matches!(fix(&dtb, Some(&Policy::default())), Err(Refusal::Findings(_))));
    assert!(fix(&dtb, Some(&requiring([]))).is_ok());
}

#[test]
fn a_shift_out_of_ram_is_stuck() {
    let dtb = board([reserved([carveout("camera", 1000, 16), carveout("wpss", 1010, 14)])]);
    let refusal = fix(&dtb, Some(&requiring([]))).unwrap_err();
    assert!(matches!(&refusal, Refusal::PlacementFailure(_)), "{refusal}");
}

#[test]
fn what_a_moved_carveout_leaves_behind_stays_protected() {
    let dtb = board([reserved([carveout("dsp", 80, 4)])]);
    let mut moved = carveout_required("dsp", 64, 4);
    moved.key = Key::Path("/reserved-memory/dsp@45000000".into());
    let proven = fix(&dtb, Some(&requiring([moved.into()]))).unwrap();
    assert_eq!(layout(&proven), at(&[("dsp", 64, 4), ("ringfence-guard", 80, 4)]));
    assert!(proven.map().regions.iter().all(|region| region.no_map));
}

#[test]
fn a_required_carveout_comes_back_even_without_reserved_memory() {
    let dtb = board([]);
    let proven = fix(&dtb, Some(&requiring([required("dsp", 64, 4)]))).unwrap();
    assert_eq!(layout(&proven), at(&[("dsp", 64, 4)]));
    let tree = Tree::parse(proven.dtb()).unwrap();
    let node = tree.find("/reserved-memory").unwrap();
    assert!(node.prop("ranges").is_some_and(|ranges| ranges.value.is_empty()));
    assert_eq!((node.address_cells().unwrap(), node.size_cells().unwrap()), (2, 2));
}

#[test]
fn a_required_carveout_named_by_a_label_comes_back_without_its_symbol() {
    let dtb = board([reserved([])]);
    let key = Key::Label("camera_mem".into());
    let wanted = Carveout { key, base: Some(RAM + 64 * MIB), size: 4 * MIB, no_map: true }.into();
    let proven = fix(&dtb, Some(&requiring([wanted]))).unwrap();
    assert_eq!(layout(&proven), at(&[("camera_mem", 64, 4)]));
}

#[test]
fn a_disabled_shrunk_mapped_carveout_is_made_whole() {
    let dtb = board([reserved([region("dsp", 64, 2).prop_str("status", "disabled").prop_empty("reusable")])]);
    let proven = fix(&dtb, Some(&requiring([required("dsp", 64, 4)]))).unwrap();
    let region = &proven.map().regions[0];
    assert_eq!(region.spans(), [mib_span(64, 4)]);
    assert!(region.enabled && region.no_map && !region.reusable);
}

#[test]
fn further_tuples_get_nodes_of_their_own_and_the_phandle_stays_on_the_first() {
    let name = format!("dsp@{:x}", RAM + 64 * MIB);
    let several = NewNode::new(&name)
        .prop("reg", reg(&[(RAM + 64 * MIB, MIB), (RAM + 70 * MIB, MIB), (RAM + 80 * MIB, 2 * MIB)]))
        .prop_empty("no-map")
        .prop_u32("phandle", 7);
    let proven = fix(&board([reserved([several])]), None).unwrap();
    assert_eq!(layout(&proven), at(&[("dsp", 64, 1), ("dsp-1", 70, 1), ("dsp-2", 80, 2)]));
    let phandles: Vec<_> = proven.map().regions.iter().map(|region| region.phandle).collect();
    assert_eq!(phandles, [Some(7), None, None]);
    assert!(proven.map().regions.iter().all(|region| region.no_map));
}

#[test]
fn memreserve_keeps_only_what_no_carveout_covers() {
    let entries = [(RAM + 63 * MIB, 4 * MIB), (RAM + 200 * MIB, MIB)];
    let proven = fix(&board_with(&entries, [reserved([carveout("dsp", 64, 2)])]), None).unwrap();
    let tree = Tree::parse(proven.dtb()).unwrap();
    let left: Vec<_> =
        tree.blob().memreserve().map(|(base, size)| ((base - RAM) / MIB, size / MIB)).collect();
    assert_eq!(left, [(63, 1), (66, 1), (200, 1)]);
}

#[test]
fn foreign_cells_are_rewritten_with_every_number_in_them() {
    let node = NewNode::new("reserved-memory")
        .prop_u32("#address-cells", 1)
        .prop_u32("#size-cells", 1)
        .prop_empty("ranges")
        .child(NewNode::new("dsp@44000000").prop_cells("reg", &[0x4400_0000, 0x20_0000]).prop_empty("no-map"))
        .child(
            NewNode::new("off@46000000")
                .prop_cells("reg", &[0x4600_0000, 0x1000])
                .prop_str("status", "disabled"),
        )
        .child(
            NewNode::new("heap")
                .prop_cells("size", &[0x40_0000])
                .prop_cells("alignment", &[0x40_0000])
                .prop_cells("alloc-ranges", &[0x5000_0000, 0x1000_0000]),
        );
    let proven = fix(&board([node]), None).unwrap();
    // The heap is pinned in the same go, at the top of its window.
    assert_eq!(layout(&proven), at(&[("dsp", 64, 2), ("off", 96, 0), ("heap", 508, 4)]));
    assert_eq!(kinds(&proven), ["rewrite-cells", "pin"]);
}

#[test]
fn numbers_that_no_cells_explain_stop_a_rewrite() {
    let node = NewNode::new("reserved-memory")
        .prop_u32("#address-cells", 1)
        .prop_u32("#size-cells", 2)
        .prop_empty("ranges")
        // Two tuples of two and one cells, no tuple of one and two: but one of two and two.
        .child(NewNode::new("dsp").prop_cells("reg", &[0, 0x4400_0000, 0, 0x20_0000]).prop_empty("no-map"));
    assert!(fix(&board([node]), None).is_err());
}

#[test]
fn a_rename_takes_symbols_aliases_and_chosen_along() {
    let old = "/reserved-memory/dsp@0x44000000";
    let wrong = NewNode::new("dsp@0x44000000")
        .prop("reg", reg(&[(RAM + 64 * MIB, MIB)]))
        .prop_empty("no-map")
        .prop_u32("phandle", 9);
    let dtb = board([
        reserved([wrong]),
        NewNode::new("__symbols__").prop_str("dsp_mem", old).prop_str("other", "/reserved-memory"),
        NewNode::new("aliases").prop_str("dsp", old),
    ]);
    let proven = fix(&dtb, None).unwrap();
    let tree = Tree::parse(proven.dtb()).unwrap();
    let text = |node: &str, prop: &str| tree.find(node).unwrap().prop(prop).unwrap().as_str().unwrap();
    assert_eq!(text("/__symbols__", "dsp_mem"), "/reserved-memory/dsp@44000000");
    assert_eq!(text("/__symbols__", "other"), "/reserved-memory");
    assert_eq!(text("/aliases", "dsp"), "/reserved-memory/dsp@44000000");
    assert_eq!(tree.by_phandle(9).unwrap().path(), "/reserved-memory/dsp@44000000");
}

#[test]
fn a_tree_that_is_right_is_left_byte_for_byte_alone() {
    let dtb = board([chosen("quiet"), reserved([carveout("dsp", 64, 4), region("log", 80, 1)])]);
    let proven = fix(&dtb, Some(&requiring([required("dsp", 64, 4)]))).unwrap();
    assert!(proven.repairs().is_empty());
    assert_eq!(proven.dtb(), dtb);
}
