//! Where kernels run out of room for what a tree reserves. Each row was booted, with trees like these: what
//! the last column says is what that kernel of Debian's did with 4 GiB of RAM and kernel, initrd and tree at
//! these places.

use ringfence::facts::{BootFacts, Kernel, Position};
use ringfence::fdt::{NewNode, Tree, build};
use ringfence::pipeline::{Context, Surveyed};
use ringfence::predict::{DefaultCma, Prediction, State, predict};
use ringfence::profile::{Build, KernelProfile};
use ringfence::span::{MIB, Span};

/// What a tree has many of.
#[derive(Clone, Copy, Debug)]
enum Many {
    NoMap,
    Mapped,
    Pools,
}
use Many::{Mapped, NoMap, Pools};

fn pair(base: u64, size: u64) -> Vec<u8> {
    [base.to_be_bytes(), size.to_be_bytes()].concat()
}

fn region(many: Many, index: u64) -> NewNode {
    let small = 0x5000_0000 + index * 0x4000;
    let node = |base: u64, size| NewNode::new(&format!("r{index}@{base:x}")).prop("reg", pair(base, size));
    match many {
        NoMap => node(small, 0x1000).prop_empty("no-map"),
        Mapped => node(small, 0x1000),
        Pools => node(0x9000_0000 + index * 2 * MIB, 2 * MIB)
            .prop_str("compatible", "shared-dma-pool")
            .prop_empty("reusable"),
    }
}

fn predicted(many: Many, count: u64, kernel: &str) -> Prediction {
    predicted_by(*KernelProfile::for_version(kernel).unwrap().profile, many, count, "")
}

fn predicted_by(profile: KernelProfile, many: Many, count: u64, bootargs: &str) -> Prediction {
    let cells = |node: NewNode| node.prop_u32("#address-cells", 2).prop_u32("#size-cells", 2);
    let memory = NewNode::new("memory@40000000").prop_str("device_type", "memory");
    let memory = memory.prop("reg", pair(1 << 30, 4 << 30));
    let reserved = cells(NewNode::new("reserved-memory")).prop_empty("ranges");
    let reserved = (0..count).map(|index| region(many, index)).fold(reserved, NewNode::child);
    let chosen = NewNode::new("chosen").prop_str("bootargs", bootargs);
    let root = cells(NewNode::new("")).child(memory).child(reserved).child(chosen);
    let dtb = build(&root, 0, &[]).unwrap();
    let at = Span::from_ends(0x4020_0000, 0x4244_0000).unwrap();
    let placed = |base| Some(Position::Fixed(Span::new(base, MIB).unwrap()));
    let facts = BootFacts {
        kernel: Some(Kernel { position: Position::Fixed(at), text_offset: 0, image_size: at.len() }),
        initrd: placed(0x4800_0000),
        dtb: placed(0x4820_0000),
        ..BootFacts::default()
    };
    let tree = Tree::parse(&dtb).unwrap();
    let surveyed = Surveyed::of(tree, Context { policy: None, profile: &profile, facts: &facts });
    predict(surveyed.analysis())
}

const MEMORY: Option<&str> = Some("memblock: cannot resize memory array");
const RESERVED: Option<&str> = Some("memblock: cannot resize reserved array");
const TABLES: Option<&str> = Some("Failed to allocate page table page");

#[test]
fn a_tree_that_reserves_too_much_is_refused_or_the_end_of_the_kernel() {
    for (many, count, kernel, refused, panic) in [
        (NoMap, 511, "6.1", 0, None),
        (NoMap, 512, "6.1", 1, None),
        (NoMap, 509, "6.12", 0, None),
        (NoMap, 510, "6.12", 0, MEMORY),
        (NoMap, 511, "7.3", 0, None),
        (NoMap, 512, "7.3", 0, MEMORY),
        (Mapped, 380, "6.1", 0, None),
        (Mapped, 381, "6.1", 0, TABLES),
        (Mapped, 636, "7.3", 0, None),
        (Mapped, 637, "7.3", 0, RESERVED),
    ] {
        let prediction = predicted(many, count, kernel);
        let lines = prediction.log.iter().filter(|line| line.contains("failed to reserve")).count();
        assert_eq!((lines, prediction.panic), (refused, panic), "{count} {many:?} on {kernel}");
        let open = prediction.regions.iter().filter(|outcome| outcome.state == State::Free).count();
        assert!(panic.is_some() || open == refused, "{open} are free, {refused} were refused");
    }
}

#[test]
fn a_linear_map_of_blocks_needs_the_mark_around_the_kernel() {
    let of = *KernelProfile::for_version("5.10").unwrap().profile;
    let panic = |is_single: bool, count, bootargs| {
        let build = Build { maps_single_pages: is_single, ..of.build };
        predicted_by(KernelProfile { build, ..of }, NoMap, count, bootargs).panic
    };
    // 69 carveouts were booted by 5.10 with such a map, which died, and by Debian's, which did not.
    const BUG: Option<&str> = Some("Kernel BUG at __create_pgd_mapping");
    assert_eq!(panic(false, 69, ""), BUG);
    assert_eq!(panic(true, 69, ""), None);
    assert_eq!(panic(true, 69, "rodata=on"), BUG);
    assert_eq!(panic(false, 69, "rodata=full"), None);
    assert_eq!(panic(false, 40, ""), None);
}

#[test]
fn a_pool_without_an_area_is_freed_and_so_is_the_default_one() {
    for kernel in ["6.1", "6.12", "7.3"] {
        let prediction = predicted(Pools, 25, kernel);
        let says = |text: &str| prediction.log.iter().filter(|line| line.contains(text)).count();
        assert_eq!((says("Not enough slots"), says("unable to setup CMA region")), (6, 5), "{kernel}");
        assert_eq!(says("cma: Failed to reserve 64 MiB"), usize::from(kernel == "7.3"), "{kernel}");
        assert_eq!((prediction.cma, prediction.cma_total), (DefaultCma::None, 40 * MIB), "{kernel}");
        let free = prediction.regions.iter().filter(|outcome| outcome.state == State::Free).count();
        assert_eq!(free, 5, "{kernel}");
        let last = predicted(Pools, 19, kernel);
        assert_eq!(last.cma_total, 102 * MIB, "{kernel}");
    }
}
