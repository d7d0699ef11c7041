//! Places for the kernel, the initrd and the DTB, and what they keep off.

use crate::board::*;
use ringfence::analysis::Analysis;
use ringfence::context::Context;
use ringfence::facts::{BootFacts, Kernel, Position};
use ringfence::fdt::{NewNode, Tree, build};
use ringfence::finding::RuleId;
use ringfence::profile::KernelProfile;
use ringfence::span::{GIB, MIB, Span};
use ringfence::survey::MemoryMap;

/// 74 MiB of RAM are free between two carveouts. The pool needs 32 of them at a multiple of 32, the kernel
/// 20: placed first, the kernel would take the only window of the pool.
#[test]
fn pools_go_first_where_the_kernel_would_take_their_only_window() {
    let heap = NewNode::new("heap")
        .prop("size", (32 * MIB).to_be_bytes())
        .prop("alignment", (32 * MIB).to_be_bytes());
    let dtb = board([reserved([carveout("low", 0, 496), carveout("high", 570, 454), heap])]);
    let kernel =
        Kernel { position: Position::Movable(mib_span(496, 20)), text_offset: 0, image_size: 20 * MIB };
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
        kernel: Some(Kernel {
            position: Position::Movable(mib_span(4, 20)),
            text_offset: 0,
            image_size: 24 * MIB,
        }),
        initrd: Some(Position::Movable(mib_span(8, 10))),
        dtb: Some(Position::Movable(mib_span(20, 1))),
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

/// 33 MiB are free, but only 32 of them from a multiple of 2 MiB on.
#[test]
fn what_is_too_small_for_an_aligned_kernel_is_no_place_that_would_do() {
    let dtb = board([reserved([carveout("low", 0, 501), carveout("high", 534, 490)])]);
    let kernel =
        Kernel { position: Position::Movable(mib_span(501, 1)), text_offset: 0, image_size: 33 * MIB };
    let facts = BootFacts { kernel: Some(kernel), ..BootFacts::default() };
    let why = fix_at_boot(&dtb, None, &facts).unwrap_err().to_string();
    assert!(why.contains("no free RAM of 33 MiB") && why.contains("the largest free piece"), "{why}");
}

#[test]
fn what_the_boot_moves_avoids_a_pool_that_the_command_line_keeps() {
    let dtb = board([chosen("cma=192M@0x40000000")]);
    let facts = BootFacts {
        initrd: Some(Position::Movable(mib_span(100, 10))),
        dtb: Some(Position::Movable(mib_span(120, 1))),
        ..kernel_at(16)
    };
    let proven = fix_at_boot(&dtb, None, &facts).unwrap();
    assert_eq!(bootargs(&proven), "cma=192M@0x40000000");
    let place = proven.placement();
    for span in [place.kernel.unwrap(), place.initrd.unwrap(), place.dtb.unwrap()] {
        assert!(!span.overlaps(mib_span(0, 192)), "{span}");
    }
}

#[test]
fn what_the_boot_moves_avoids_a_requested_crash_kernel_where_it_can() {
    let asked = board([chosen("crashkernel=64M@0x44000000")]);
    let kernel = fix_at_boot(&asked, None, &kernel_at(64)).unwrap().placement().kernel.unwrap();
    assert!(!kernel.overlaps(mib_span(64, 64)), "{kernel}");

    // All of RAM: Linux refuses the request, but boots.
    let all = board([chosen("crashkernel=1G@0x40000000")]);
    let kernel = fix_at_boot(&all, None, &kernel_at(64)).unwrap().placement().kernel.unwrap();
    assert_eq!(kernel, mib_span(64, 8));
}

#[test]
fn the_kernel_keeps_off_an_initrd_that_has_yet_to_be_moved() {
    // The initrd reaches into a carveout; what is before that would be the lowest place for the kernel.
    let dtb = board([reserved([carveout("tz", 64, 2)])]);
    let initrd = mib_span(2, 63);
    let facts = BootFacts { initrd: Some(Position::Movable(initrd)), ..kernel_at(101) };
    let place = *fix_at_boot(&dtb, None, &facts).unwrap().placement();
    assert_ne!(place.initrd, Some(initrd));
    assert!(!place.kernel.unwrap().overlaps(initrd), "{place:?}");
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

/// Returns a kernel of 8 MiB at this many MiB from the start of RAM.
fn kernel_at(mib: u64) -> BootFacts {
    let at = Span::new(RAM + mib * MIB, 8 * MIB).unwrap();
    let kernel = Kernel { position: Position::Movable(at), text_offset: 0, image_size: 8 * MIB };
    BootFacts { kernel: Some(kernel), ..BootFacts::default() }
}

#[test]
fn where_processors_wait_is_reserved_once_and_nothing_is_placed_there() {
    let page = Span::new(RAM + 4 * MIB, 4096).unwrap();
    let dtb = board([cpus(page.base() + 0xd8)]);
    let proven = fix_at_boot(&dtb, None, &kernel_at(2)).unwrap();
    assert!(!proven.placement().kernel.unwrap().overlaps(page), "the kernel moved out of the way");
    assert_eq!(proven.map().enabled().map(|r| r.spans().to_vec()).collect::<Vec<_>>(), [vec![page]]);
    assert_eq!(fix_at_boot(proven.dtb(), None, &kernel_at(2)).unwrap().dtb(), proven.dtb());

    // One reservation is enough, by a carveout or by an entry of the list.
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
    let pool = proven.map().enabled().find(|region| region.is_cma()).unwrap();
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
            dtb: Some(Position::Movable(Span::new(RAM + 560 * MIB, MIB).unwrap())),
            ..kernel_at(mib)
        };
        let proven = fix_at_boot(&board([chosen.clone()]), None, &facts).unwrap();
        let places = [proven.placement().kernel.unwrap(), proven.placement().dtb.unwrap()];
        assert!(places.iter().all(|place| own.covers(*place) && !place.overlaps(core)), "{places:x?}");
    }
}

#[test]
fn an_initrd_out_of_the_kernels_reach_is_told_and_at_boot_brought_near() {
    let memory = NewNode::new("memory@40000000").prop_str("device_type", "memory");
    let root = NewNode::new("").prop_u32("#address-cells", 2).prop_u32("#size-cells", 2);
    let dtb = build(&root.child(memory.prop("reg", reg(&[(RAM, 64 * GIB)]))), 0, &[]).unwrap();
    let facts = |initrd: u64, movable| {
        let at = |span| if movable { Position::Movable(span) } else { Position::Fixed(span) };
        let kernel = Kernel { position: at(mib_span(2, 8)), ..kernel_at(2).kernel.unwrap() };
        let initrd = at(Span::new(initrd, MIB).unwrap());
        BootFacts { kernel: Some(kernel), initrd: Some(initrd), ..BootFacts::default() }
    };
    let found = |initrd| {
        let proven = fix_at_boot(&dtb, None, &facts(initrd, false)).unwrap();
        proven.findings().iter().any(|finding| finding.rule == RuleId(217))
    };
    // The window starts at the GiB that the kernel is in.
    assert!(!found(RAM + 32 * GIB - MIB) && found(RAM + 32 * GIB));
    let moved = |initrd| fix_at_boot(&dtb, None, &facts(initrd, true)).unwrap().placement().initrd.unwrap();
    assert_eq!(moved(RAM + 31 * GIB).base(), RAM + 31 * GIB);
    assert!(moved(RAM + 40 * GIB).base() < RAM + GIB);
}

/// A crash kernel may use several windows, of which older kernels read the first.
#[test]
fn a_kernel_gets_the_windows_of_usable_memory_that_it_reads() {
    let windows = [(RAM + 64 * MIB, 32 * MIB), (RAM + 512 * MIB, 16 * MIB)];
    let dtb = board([chosen("quiet").prop("linux,usable-memory-range", reg(&windows))]);
    let usable = |usable_windows| {
        let profile = KernelProfile { usable_windows, ..KernelProfile::default() };
        let (tree, facts) = (Tree::parse(&dtb).unwrap(), BootFacts::default());
        let map = MemoryMap::survey(&tree, &facts);
        let context = Context { policy: None, profile: &profile, facts: &facts };
        Analysis::new(tree, map, context).map.usable.spans().to_vec()
    };
    assert_eq!(usable(1), [mib_span(64, 32)]);
    assert_eq!(usable(2), [mib_span(64, 32), mib_span(512, 16)]);
    assert_eq!(usable(6), usable(2));
}

#[test]
fn a_framebuffer_of_the_firmware_is_what_says_that_it_is_one() {
    let picture = |name, at: u64, compatible: &[&str]| {
        let node = NewNode::new(name).prop("reg", reg(&[(RAM + at * MIB, MIB)]));
        node.prop_strs("compatible", compatible).prop_u32("stride", 4096).prop_u32("height", 1024)
    };
    let cells = chosen("quiet").prop_u32("#address-cells", 2).prop_u32("#size-cells", 2).prop_empty("ranges");
    let nodes = cells
        .child(picture("framebuffer@44000000", 64, &["vendor,first", "simple-framebuffer"]))
        .child(picture("module@46000000", 96, &["multiboot,module"]))
        .child(picture("framebuffer@48000000", 128, &["simple-framebuffer"]).prop_u32("memory-region", 7));
    let splash = [carveout("dsp", 192, 1), carveout("splash", 256, 8).prop_u32("phandle", 7)];
    let dtb = board([nodes, reserved(splash)]);
    let map = MemoryMap::survey(&Tree::parse(&dtb).unwrap(), &BootFacts::default());
    let spans: Vec<Span> = map.framebuffers.iter().map(|framebuffer| framebuffer.span).collect();
    assert_eq!(spans, [mib_span(64, 4), mib_span(256, 4)], "lines take more than a reg has");
    assert_eq!(map.framebuffers[1].reg, Some(mib_span(128, 1)));
}
