//! Lines of the kernel's log about what few trees have. The trees `o11` and `o12` of the odd scenarios, which
//! kernels booted, have the same.

use ringfence::facts::{BootFacts, Kernel, Position};
use ringfence::fdt::{NewNode, Tree, build};
use ringfence::pipeline::{Context, Surveyed};
use ringfence::predict::{Prediction, State, predict};
use ringfence::profile::{Build, DmaLimit, KernelProfile, PageSize};
use ringfence::span::{MIB, Span};

fn reg(tuples: &[(u64, u64)]) -> Vec<u8> {
    tuples.iter().flat_map(|(base, size)| [base.to_be_bytes(), size.to_be_bytes()].concat()).collect()
}

fn region(name: &str, tuples: &[(u64, u64)]) -> NewNode {
    NewNode::new(name).prop("reg", reg(tuples))
}

/// Returns a board with 4 GiB from 1 GiB on.
fn board(chosen: NewNode, regions: impl IntoIterator<Item = NewNode>) -> Vec<u8> {
    let cells = |node: NewNode| node.prop_u32("#address-cells", 2).prop_u32("#size-cells", 2);
    let memory = NewNode::new("memory@40000000").prop_str("device_type", "memory");
    let memory = memory.prop("reg", reg(&[(1 << 30, 4 << 30)]));
    let reserved = cells(NewNode::new("reserved-memory")).prop_empty("ranges");
    let reserved = regions.into_iter().fold(reserved, NewNode::child);
    build(&cells(NewNode::new("")).child(chosen).child(memory).child(reserved), 0, &[]).unwrap()
}

fn profile(version: &str) -> KernelProfile {
    *KernelProfile::for_version(version).unwrap().profile
}

fn predicted(dtb: &[u8], profile: KernelProfile) -> Prediction {
    let at = Span::from_ends(0x4020_0000, 0x4244_0000).unwrap();
    let kernel = Kernel { position: Position::Fixed(at), text_offset: 0, image_size: at.len() };
    let facts = BootFacts { kernel: Some(kernel), ..BootFacts::default() };
    let tree = Tree::parse(dtb).unwrap();
    let surveyed = Surveyed::of(tree, Context { policy: None, profile: &profile, facts: &facts });
    predict(surveyed.analysis())
}

fn count(prediction: &Prediction, text: &str) -> usize {
    prediction.log.iter().filter(|line| line.contains(text)).count()
}

#[test]
fn an_end_beyond_the_address_space_is_printed_as_it_wraps() {
    let chosen = || NewNode::new("chosen");
    let dtb = board(chosen(), [region("wrapped@200000000", &[(2 << 32, u64::MAX)])]);
    let line = "OF: reserved mem: 0x0000000200000000..0x00000001fffffffe (18014398509481983 KiB) map \
                non-reusable wrapped@200000000";
    for version in ["6.6", "6.12.0", "6.12.95", "6.18", "7.1", "7.3"] {
        assert_eq!(count(&predicted(&dtb, profile(version)), line), 1, "{version}");
    }
    assert_eq!(count(&predicted(&dtb, profile("6.1")), "wrapped"), 0, "6.1 has no such line");
    // What of it is RAM is kept.
    let dtb = board(chosen(), [region("fw@100000000", &[(4 << 30, u64::MAX)])]);
    let prediction = predicted(&dtb, profile("6.12"));
    let high = Span::new(4 << 30, 1 << 30).unwrap();
    assert!(prediction.memblock.is_reserved(high));
    assert_eq!(count(&prediction, "failed to reserve"), 0);
    let fw = prediction.regions.first().unwrap();
    assert_eq!((fw.state, fw.ram), (State::Reserved, 1 << 30));
}

#[test]
fn a_first_tuple_counts_whatever_the_others_say() {
    let tuples = [(0x9000_0000, MIB), (0xa000_0000, 0)];
    let dtb = board(NewNode::new("chosen"), [region("fw@90000000", &tuples).prop_empty("no-map")]);
    let line = "OF: reserved mem: 0x0000000090000000..0x00000000900fffff (1024 KiB) nomap non-reusable \
                fw@90000000";
    for (version, known, refused) in
        [("6.6", 1, 1), ("6.12.95", 1, 1), ("6.17", 1, 1), ("6.18", 0, 1), ("7.1", 0, 1), ("7.3", 1, 0)]
    {
        let prediction = predicted(&dtb, profile(version));
        assert_eq!((count(&prediction, line), count(&prediction, "failed to reserve")), (known, refused));
        assert_eq!(prediction.regions.first().map(|outcome| outcome.state), Some(State::NoMap), "{version}");
    }
}

#[test]
fn a_restricted_pool_is_announced_where_the_kernel_has_them() {
    let pool =
        region("dma@90000000", &[(0x9000_0000, 4 * MIB)]).prop_str("compatible", "restricted-dma-pool");
    let dtb = board(NewNode::new("chosen"), [pool]);
    let of = profile("7.3");
    let built = KernelProfile { build: Build { restricted_pools: true, ..of.build }, ..of };
    let lines = [
        "software IO TLB: Reserved memory: created restricted DMA pool at 0x0000000090000000, size 4 MiB",
        "OF: reserved mem: initialized node dma@90000000, compatible id restricted-dma-pool",
        "OF: reserved mem: 0x0000000090000000..0x00000000903fffff (4096 KiB) map non-reusable dma@90000000",
    ];
    assert_eq!(predicted(&dtb, built).log.get(..3), Some(&lines.map(String::from)[..]));
    assert_eq!(count(&predicted(&dtb, of), "restricted"), 0);
}

#[test]
fn an_overlap_at_address_0_is_reported() {
    let regions = [region("low@0", &[(0, 0x2000)]), region("over@1000", &[(0x1000, 0x2000)])];
    let dtb = board(NewNode::new("chosen"), regions);
    let line = "low@0 (0x0000000000000000--0x0000000000002000) overlaps with over@1000 \
                (0x0000000000001000--0x0000000000003000)";
    for version in ["5.10", "6.1", "6.12.95", "7.3"] {
        assert_eq!(count(&predicted(&dtb, profile(version)), line), 1, "{version}");
    }
}

#[test]
fn a_kernel_takes_the_windows_that_it_reads() {
    let window = |index: u64| ((1 << 30) + index * 512 * MIB, 64 * MIB);
    // An empty one is the last.
    let windows: Vec<(u64, u64)> =
        (0..3).map(window).chain([(0xc000_0000, 0)]).chain((4..6).map(window)).collect();
    let chosen = NewNode::new("chosen").prop("linux,usable-memory-range", reg(&windows));
    let regions = (0..6).map(|index| {
        let base = window(index).0 + 48 * MIB;
        region(&format!("fw{index}@{base:x}"), &[(base, MIB)]).prop_empty("no-map")
    });
    let dtb = board(chosen, regions);
    for (version, used) in [("5.10", 1), ("5.15", 1), ("6.1", 2), ("6.12", 2), ("7.2", 2), ("7.3", 3)] {
        let prediction = predicted(&dtb, profile(version));
        let in_ram = prediction.regions.iter().filter(|outcome| outcome.ram > 0).count();
        assert_eq!(in_ram, used, "{version}");
    }
    // A size of 0 in the first place sets no limit.
    let windows = reg(&[(1 << 30, 0), (3 << 30, MIB)]);
    let chosen = NewNode::new("chosen").prop("linux,usable-memory-range", windows);
    let dtb = board(chosen, [region("fw@90000000", &[(0x9000_0000, MIB)]).prop_empty("no-map")]);
    assert_eq!(predicted(&dtb, profile("7.3")).regions[0].state, State::NoMap);
}

#[test]
fn without_zones_for_devices_the_default_pool_goes_above_4_gib() {
    let dtb = board(NewNode::new("chosen"), []);
    let of = profile("7.3").with_page(PageSize::K64);
    let line = "cma: Reserved 64 MiB at 0x0000000100000000";
    assert_eq!(count(&predicted(&dtb, KernelProfile { dma_limit: DmaLimit::Unlimited, ..of }), line), 1);
    for dma_limit in [DmaLimit::Only32Bit, DmaLimit::Exact] {
        assert_eq!(count(&predicted(&dtb, KernelProfile { dma_limit, ..of }), line), 0);
    }
}

#[test]
fn a_default_pool_that_begins_at_the_kernel_is_its_end() {
    let pool = |base: u64| {
        let node = region("pool@40000000", &[(base, 64 * MIB)]).prop_str("compatible", "shared-dma-pool");
        node.prop_empty("reusable").prop_empty("linux,cma-default")
    };
    let dies = |line: &str, base: u64, profile: KernelProfile| {
        let dtb = board(NewNode::new("chosen").prop_str("bootargs", line), [pool(base)]);
        predicted(&dtb, profile).panic.is_some()
    };
    // The first block is of 2 MiB, and ends where the kernel begins.
    assert!(!dies("", 0x4000_0000, profile("7.3")));
    assert!(dies("", 0x4000_0000, profile("7.3").with_page(PageSize::K16)));
    assert!(dies("", 0x4020_0000, profile("7.3")));
    assert!(!dies("init_on_alloc=0", 0x4020_0000, profile("7.3")));
    let of = profile("7.3");
    let build = Build { clears_on_alloc: false, ..of.build };
    assert!(!dies("", 0x4020_0000, KernelProfile { build, ..of }));
    assert!(dies("init_on_alloc=1", 0x4020_0000, KernelProfile { build, ..of }));
}
