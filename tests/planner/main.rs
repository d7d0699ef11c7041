//! What the planner does, repair by repair.

mod board;
mod flags;
mod gather;
mod guard;
mod protected;

use board::*;
use ringfence::facts::{BootFacts, Kernel, Placed};
use ringfence::fdt::{NewNode, Tree};
use ringfence::policy::{CmaWant, KeepLog, Key, Policy, Required, Via};
use ringfence::prove::Refusal;
use ringfence::ramoops;
use ringfence::span::{GIB, MIB, Span};

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
    // wpss must leave 69; 71..75 does not hold it because of firmware at 73, so it goes behind, and adsp behind it.
    // What both left behind stays protected.
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
    let mut wpss = required("wpss", 69, 4);
    wpss.base = None;
    let proven = fix(&dtb, Some(&requiring([required("camera", 64, 7), wpss]))).unwrap();
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
    assert!(matches!(&refusal, Refusal::Stuck(_)), "{refusal}");
}

#[test]
fn what_a_moved_carveout_leaves_behind_stays_protected() {
    let dtb = board([reserved([carveout("dsp", 80, 4)])]);
    let mut moved = required("dsp", 64, 4);
    moved.key = Key::Path("/reserved-memory/dsp@45000000".into());
    let proven = fix(&dtb, Some(&requiring([moved]))).unwrap();
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
    let wanted = Required { key, base: Some(RAM + 64 * MIB), size: 4 * MIB, no_map: true };
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
    assert_eq!(kinds(&proven), ["pin", "rewrite-cells"]);
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

fn wanting(via: Via, mib: u64, range: Option<Span>) -> Policy {
    Policy { cma: Some(CmaWant { size: mib * MIB, align: None, range, via }), ..requiring([]) }
}

fn chosen(bootargs: &str) -> NewNode {
    NewNode::new("chosen").prop_str("bootargs", bootargs)
}

#[test]
fn cma_through_bootargs_replaces_the_last_one_and_disturbs_nothing_else() {
    let line = "console=ttyAMA0 cma=8M quiet init=\"/bin/sh -c 'cma=1M'\" cma=16M  root=/dev/vda -- cma=2M";
    let dtb = board([chosen(line), reserved([carveout("dsp", 1000, 24)])]);
    let policy = wanting(Via::Bootargs, 64, Span::from_ends(RAM, 4 * GIB));
    let proven = fix(&dtb, Some(&policy)).unwrap();
    assert_eq!(
        bootargs(&proven),
        "console=ttyAMA0 quiet init=\"/bin/sh -c 'cma=1M'\" cma=64M@0x76800000  root=/dev/vda -- cma=2M"
    );
}

#[test]
fn cma_through_bootargs_goes_before_what_belongs_to_init() {
    let proven = fix(&board([chosen("quiet -- arg")]), Some(&wanting(Via::Bootargs, 64, None))).unwrap();
    assert_eq!(bootargs(&proven), "quiet cma=64M@0x78000000 -- arg");
}

#[test]
fn cma_through_bootargs_keeps_below_what_the_kernel_takes_first() {
    // Of 1 GiB, 32 MiB and another 32nd: Linux refuses `cma=` there, and a node is reserved in time.
    let arg = fix(&board([chosen("quiet cma=64M@0x7c000000")]), Some(&wanting(Via::Bootargs, 64, None)));
    assert_eq!(bootargs(&arg.unwrap()), "quiet cma=64M@0x78000000");
    let fresh = fix(&board([chosen("quiet")]), Some(&wanting(Via::Bootargs, 64, None))).unwrap();
    assert_eq!(bootargs(&fresh), "quiet cma=64M@0x78000000");
    let top = wanting(Via::Bootargs, 64, Span::from_ends(RAM + 960 * MIB, RAM + GIB));
    assert!(fix(&board([chosen("quiet")]), Some(&top)).is_err());
}

#[test]
fn cma_through_a_node_clears_the_command_line() {
    let dtb = board([chosen("quiet cma=16M root=/dev/vda"), reserved([])]);
    let proven = fix(&dtb, Some(&wanting(Via::Node, 64, None))).unwrap();
    assert_eq!(bootargs(&proven), "quiet root=/dev/vda");
    assert_eq!(layout(&proven), at(&[("linux,cma", 960, 64)]));
    assert!(proven.map().regions[0].cma_default && proven.map().regions[0].is_cma());
}

#[test]
fn a_pool_under_a_restored_carveout_finds_another_place() {
    let pool = region("pool", 62, 8).prop_str("compatible", "shared-dma-pool").prop_empty("reusable");
    let proven = fix(&board([reserved([pool])]), Some(&requiring([required("dsp", 64, 4)]))).unwrap();
    assert_eq!(layout(&proven), at(&[("pool", 1016, 8), ("dsp", 64, 4)]));
}

#[test]
fn both_tuples_of_a_misaligned_pool_survive() {
    let name = format!("pool@{:x}", RAM + 65 * MIB);
    let pool = NewNode::new(&name)
        .prop("reg", reg(&[(RAM + 65 * MIB, 3 * MIB), (RAM + 101 * MIB, 3 * MIB)]))
        .prop_str("compatible", "shared-dma-pool")
        .prop_empty("reusable");
    let proven = fix(&board([reserved([pool])]), None).unwrap();
    assert_eq!(layout(&proven), at(&[("pool", 64, 4), ("pool-1", 100, 4)]));
}

/// 74 MiB of RAM are free between two carveouts. The pool needs 32 of them at a multiple of 32, the kernel 20:
/// placed first, the kernel would take the only window of the pool.
#[test]
fn pools_go_first_where_the_kernel_would_take_their_only_window() {
    let heap = NewNode::new("heap")
        .prop("size", (32 * MIB).to_be_bytes())
        .prop("alignment", (32 * MIB).to_be_bytes());
    let dtb = board([reserved([carveout("low", 0, 496), carveout("high", 570, 454), heap])]);
    let kernel = Kernel { at: mib_span(496, 20), text_offset: 0, image_size: 20 * MIB, movable: true };
    let facts = BootFacts { kernel: Some(kernel), ..BootFacts::default() };
    let proven = fix_at_boot(&dtb, None, &facts).unwrap();
    assert_eq!(layout(&proven)[2], ("heap".into(), 512, 32));
    let kernel = proven.placement().kernel.unwrap();
    assert!(!kernel.overlaps(mib_span(512, 32)) && !kernel.overlaps(mib_span(0, 496)), "{kernel}");
}

#[test]
fn what_the_boot_moves_avoids_carveouts_and_each_other() {
    let dtb = board([reserved([carveout("dsp", 2, 30)])]);
    let facts = BootFacts {
        stage: Some(mib_span(128, 4)),
        kernel: Some(Kernel { at: mib_span(4, 20), text_offset: 0, image_size: 24 * MIB, movable: true }),
        initrd: Some(Placed { at: mib_span(8, 10), movable: true }),
        dtb: Some(Placed { at: mib_span(20, 1), movable: true }),
        ..BootFacts::default()
    };
    let proven = fix_at_boot(&dtb, None, &facts).unwrap();
    let place = proven.placement();
    let spans =
        [place.kernel.unwrap(), place.initrd.unwrap(), place.dtb.unwrap(), mib_span(2, 30), mib_span(128, 4)];
    for (index, a) in spans.iter().enumerate() {
        assert!(spans.iter().skip(index + 1).all(|b| !a.overlaps(*b)), "{spans:?}");
    }
    let tree = Tree::parse(proven.dtb()).unwrap();
    let start = tree.find("/chosen").unwrap().prop("linux,initrd-start").unwrap().as_u64();
    assert_eq!(start, Some(place.initrd.unwrap().base()));
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

fn keeping(size: u64, base: Option<u64>) -> Policy {
    Policy { log: Some(KeepLog { size, base }), ..requiring([]) }
}

#[test]
fn the_log_gets_a_place_at_the_top_of_ram_before_the_pools_and_once() {
    let dtb = board([chosen("quiet"), reserved([carveout("dsp", 1000, 24)])]);
    let policy = Policy { cma: wanting(Via::Node, 64, None).cma, ..keeping(64 << 10, None) };
    let proven = fix(&dtb, Some(&policy)).unwrap();
    let log = Span::new(RAM + 1000 * MIB - (128 << 10), 128 << 10).unwrap();
    let spans: Vec<Span> = proven.map().live().flat_map(|region| region.spans().to_vec()).collect();
    assert!(spans.contains(&log), "{spans:x?}");
    let tree = Tree::parse(proven.dtb()).unwrap();
    let region = ramoops::find(&tree, proven.map()).unwrap();
    assert!(!region.no_map, "the stage and Linux both write to it");
    assert_eq!(ramoops::zones(&tree, region).unwrap().console, Span::new(log.base(), 64 << 10).unwrap());
    // Another pass finds it there.
    assert_eq!(fix(proven.dtb(), Some(&policy)).unwrap().dtb(), proven.dtb());
}

#[test]
fn the_log_lies_at_the_same_place_wherever_the_loader_puts_a_small_kernel() {
    let place = |mib: u64| {
        let at = Span::new(RAM + mib * MIB, 8 * MIB).unwrap();
        let kernel = Kernel { at, text_offset: 0, image_size: 16 * MIB, movable: true };
        let facts = BootFacts { kernel: Some(kernel), ..BootFacts::default() };
        let proven = fix_at_boot(&board([]), Some(&keeping(64 << 10, None)), &facts).unwrap();
        proven.map().live().next().unwrap().spans().to_vec()
    };
    assert_eq!(place(2), place(512));
    assert_eq!(place(2), [Span::from_ends(RAM + GIB - (128 << 10), RAM + GIB).unwrap()]);
}

#[test]
fn a_log_whose_base_is_taken_is_stuck() {
    let base = RAM + 64 * MIB;
    let dtb = board([reserved([carveout("dsp", 64, 1)])]);
    assert!(matches!(fix(&dtb, Some(&keeping(64 << 10, Some(base)))), Err(Refusal::Stuck(_))));
    let free = fix(&dtb, Some(&keeping(64 << 10, Some(base + MIB)))).unwrap();
    assert_eq!(free.map().live().last().unwrap().spans(), [Span::new(base + MIB, 128 << 10).unwrap()]);
}

#[test]
fn a_ramoops_that_is_there_keeps_the_log() {
    let own = region("ramoops", 64, 1).prop_str("compatible", "ramoops").prop_u32("console-size", 0x8_0000);
    let dtb = board([reserved([own])]);
    let proven = fix(&dtb, Some(&keeping(64 << 10, None))).unwrap();
    assert_eq!(proven.dtb(), dtb, "nothing is left to do");
}

/// Processors that wait for their release at this address.
fn cpus(release: u64) -> NewNode {
    let cpu = |number: u64| {
        NewNode::new(&format!("cpu@{number}"))
            .prop_str("enable-method", "spin-table")
            .prop_u64("cpu-release-addr", release + 8 * number)
    };
    (1..4).fold(NewNode::new("cpus"), |cpus, number| cpus.child(cpu(number)))
}

/// A kernel of 8 MiB at this many MiB from the start of RAM.
fn kernel_at(mib: u64) -> BootFacts {
    let at = Span::new(RAM + mib * MIB, 8 * MIB).unwrap();
    let kernel = Kernel { at, text_offset: 0, image_size: 8 * MIB, movable: true };
    BootFacts { kernel: Some(kernel), ..BootFacts::default() }
}

#[test]
fn where_processors_wait_is_reserved_once_and_nothing_is_placed_there() {
    let page = Span::new(RAM + 4 * MIB, 4096).unwrap();
    let dtb = board([cpus(page.base() + 0xd8)]);
    let proven = fix_at_boot(&dtb, None, &kernel_at(2)).unwrap();
    assert!(!proven.placement().kernel.unwrap().overlaps(page), "the kernel moved out of the way");
    assert_eq!(proven.map().live().map(|r| r.spans().to_vec()).collect::<Vec<_>>(), [vec![page]]);
    assert_eq!(fix_at_boot(proven.dtb(), None, &kernel_at(2)).unwrap().dtb(), proven.dtb());

    // Whoever reserves it, a carveout or an entry of the list, does it once and for all.
    let held = board([cpus(page.base()), reserved([carveout("firmware", 4, 1)])]);
    assert_eq!(fix(&held, None).unwrap().dtb(), held);
    let listed = board_with(&[(page.base(), 4096)], [cpus(page.base())]);
    assert_eq!(fix(&listed, None).unwrap().dtb(), listed);
    assert!(!fix_at_boot(&listed, None, &kernel_at(2)).unwrap().placement().kernel.unwrap().overlaps(page));
}

#[test]
fn a_pool_over_a_release_address_gives_way() {
    let pool = region("pool", 64, 4).prop_str("compatible", "shared-dma-pool").prop_empty("reusable");
    let page = Span::new(RAM + 65 * MIB, 4096).unwrap();
    let proven = fix(&board([cpus(page.base()), reserved([pool])]), None).unwrap();
    let pool = proven.map().live().find(|region| region.is_cma()).unwrap();
    assert!(pool.spans().iter().all(|span| !span.overlaps(page)), "{:x?}", pool.spans());
}

#[test]
fn a_crash_kernel_keeps_to_its_range_and_off_the_header_that_was_left_in_it() {
    let pair = |base: u64, size: u64| reg(&[(base, size)]);
    let (own, core) =
        (Span::new(RAM + 512 * MIB, 64 * MIB).unwrap(), Span::new(RAM + 514 * MIB, MIB).unwrap());
    let chosen = NewNode::new("chosen")
        .prop("linux,usable-memory-range", pair(own.base(), own.len()))
        .prop("linux,elfcorehdr", pair(core.base(), core.len()));
    for mib in [2, 512] {
        let facts = BootFacts {
            dtb: Some(Placed { at: Span::new(RAM + 560 * MIB, MIB).unwrap(), movable: true }),
            ..kernel_at(mib)
        };
        let proven = fix_at_boot(&board([chosen.clone()]), None, &facts).unwrap();
        let places = [proven.placement().kernel.unwrap(), proven.placement().dtb.unwrap()];
        assert!(places.iter().all(|place| own.covers(*place) && !place.overlaps(core)), "{places:x?}");
    }
}
