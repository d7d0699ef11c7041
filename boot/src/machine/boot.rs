//! The boot, from the first safe line to the hand-off: a table of contents.

use super::asm::{EntryState, Symbols};
use super::maps::{self, Map};
use super::{dtb, enforce, fault, handoff, heap, log, memory, overlay, payload, power, structured};
use alloc::vec::Vec;
use ringfence::facts::BootFacts;
use ringfence::fdt::Tree;
use ringfence::span::Span;
use ringfence::survey::MemoryMap;
use ringfence_boot::console::{self, Console};
use ringfence_boot::layout::Layout;
use ringfence_boot::paging::{Access, PAGE};
use ringfence_boot::psci;
use ringfence_boot::regions::Wanted;

/// Where a build for QEMU's `virt` board speaks before a device tree has named a console.
const FALLBACK: Option<Console> = if cfg!(feature = "fallback-uart") { console::QEMU_VIRT } else { None };

/// Boot. Entered by `asm/entry.S` with caches on, relocated, BSS cleared.
#[unsafe(no_mangle)]
extern "C" fn stage_main(entry: &EntryState) -> ! {
    let symbols = Symbols::get();
    let layout = symbols.layout();
    fault::know_layout(layout);
    power::guess_conduit(entry.el());
    structured::start(&symbols);
    defmt::info!("entered at EL{=u64}, image {=u64:#x}, dtb {=u64:#x}", entry.el(), layout.base, entry.x[0]);

    let header = enter_second_map(entry, &symbols, dtb::header(entry.x[0], &layout));
    // SAFETY: mapped by the second map, set apart by the linker script, started once.
    unsafe { heap::start(symbols.heap_begin, symbols.heap_end) };
    console!("ringfence {} at {:#x}, EL{}", env!("CARGO_PKG_VERSION"), layout.base, entry.el());
    if let Some(ring) = structured::span() {
        console!("structured log at {ring}");
    }
    if entry.x[1..] != [0; 3] {
        console!("x1 to x3 are not 0 at entry, against the boot protocol; the kernel will get 0");
    }
    let at = header.and_then(|header| dtb::measure(header, &layout)).unwrap_or_else(|why| without_tree(why));

    let fallback: Vec<Span> = FALLBACK.map(|console| console.registers).into_iter().collect();
    let _third = enter(entry, &layout, &Wanted { read: &[at], devices: &fallback, ..Wanted::default() });
    // SAFETY: mapped for reading just now; the loader is done with it.
    let bytes = unsafe { memory::bytes(at) };
    let tree = Tree::parse(bytes).unwrap_or_else(|why| {
        without_tree(format_args!("the device tree at {:#x} is damaged: {why}", at.base()))
    });
    let console = console::find(&tree);
    power::use_conduit(psci::conduit(&tree));

    let survey = MemoryMap::survey(&tree, &BootFacts::default());
    let places = payload::places(&tree, &survey, &layout);
    let mut read = places.as_ref().map_or_else(|_| Vec::new(), payload::Places::spans);
    read.push(at);
    let devices: Vec<Span> = console.map(|console| console.registers).into_iter().collect();
    let wanted = Wanted { read: &read, devices: &devices, ..Wanted::default() };
    let _fourth = enter(entry, &layout, &wanted);
    if let Some(console) = console {
        // SAFETY: this map and the final one, the only one to follow, have the console's pages in `devices`.
        unsafe { log::start(console) };
    }
    if entry.was_el3() {
        // There is no firmware: whoever came here was meant to be it.
        power::use_conduit(None);
        halt!("entered at EL3, which is for firmware; enter the stage at EL2 or EL1");
    }
    let payload::Opened { payload, bootargs } = places.unwrap_or_else(|why| halt!("{why}")).open(&tree);
    if payload.policy.as_ref().is_some_and(|policy| policy.log.is_some()) {
        log::record();
    }
    let (at, tree, survey) = match payload.fdt {
        None => (at, tree, Some(survey)),
        Some((at, bytes)) => {
            let tree = Tree::parse(bytes)
                .unwrap_or_else(|why| halt!("the device tree in the bundle is damaged: {why}"));
            (at, tree, None)
        }
    };
    let (at, tree, survey) = match overlay::apply(&tree, bootargs, &payload.overlays) {
        None => (at, tree, survey),
        Some(bytes) => {
            let tree = Tree::parse(bytes).unwrap_or_else(|why| halt!("the changed device tree: {why}"));
            // Whatever it grew by counts, where room for it is looked for.
            (Span::new(at.base(), at.len().max(bytes.len() as u64)).unwrap_or(at), tree, None)
        }
    };
    let survey = survey.unwrap_or_else(|| MemoryMap::survey(&tree, &BootFacts::default()));
    let proven = enforce::enforce(&layout, at, tree, survey, &payload);

    // All RAM and no carveout: whoever errs from here on is caught.
    let carveouts = enforce::carveouts(&proven);
    let holes: Vec<Span> = carveouts.iter().map(|(span, _)| *span).collect();
    let ram = handoff::memory_needed(&proven);
    let wanted = Wanted { ram: &ram, carveouts: &holes, read: &read, devices: &devices };
    let map = enter(entry, &layout, &wanted);
    enforce::probe(&carveouts);
    handoff::hand_off(entry, &map, &payload, &proven)
}

/// Refuse for want of a device tree: nothing names a console, so the one of last resort must do.
fn without_tree(why: impl core::fmt::Display) -> ! {
    if let Some(console) = FALLBACK {
        // SAFETY: the second map and the third have its page, and no other is entered any more.
        unsafe { log::start(console) };
    }
    halt!("{why}")
}

/// Enter the second map, with the first words of the device tree and the console of last resort. A device tree
/// that cannot be mapped must not cost the console on which that is said.
fn enter_second_map(
    entry: &EntryState,
    symbols: &Symbols,
    header: Result<Span, &'static str>,
) -> Result<Span, &'static str> {
    let page = |span: Option<Span>, access| span.and_then(|s| s.outward(PAGE)).map(|s| (s, access));
    let fallback = page(FALLBACK.map(|console| console.registers), Access::Device);
    if maps::enter_second(entry, symbols, [page(header.ok(), Access::ReadOnly), fallback]).is_ok() {
        return header;
    }
    if let Err(why) = maps::enter_second(entry, symbols, [None, fallback]) {
        halt!("the stage cannot map itself: {why}; load it elsewhere");
    }
    header.and(Err(
        "x0 is beyond the addresses of this CPU, or a device; pass the address of a device tree in RAM",
    ))
}

fn enter(entry: &EntryState, layout: &Layout, wanted: &Wanted<'_>) -> Map {
    Map::enter(entry, layout, wanted)
        .unwrap_or_else(|why| halt!("{why}; check /memory and the load addresses"))
}
