//! The boot, from the first safe line to the hand-off: a table of contents.

use super::asm::{self, EntryState, Symbols};
use super::dtb::NoTree;
use super::enforce::Surveyed;
use super::maps::Maps;
use super::memory::{self, Reserved};
use super::sentinel::Sentinel;
use super::trees::{self, Chosen};
use super::{
    dtb, enforce, fault, handoff, heap, log, maps, payload, persistent_log, power, structured, watchdog,
};
use alloc::vec::Vec;
use ringfence::facts::BootFacts;
use ringfence::fdt::Tree;
use ringfence::payload::console_slot;
use ringfence::policy::ConsoleEvidence;
use ringfence::psci;
use ringfence::span::Span;
use ringfence::survey::MemoryMap;
use ringfence_boot::console::{self, Console, Source};
use ringfence_boot::paging::{MapError, PAGE};
use ringfence_boot::regions::Wanted;
use ringfence_boot::watchdog::Watchdog;

/// Boots. Entered by `asm/entry.S` with caches on, relocated, BSS cleared.
#[unsafe(no_mangle)]
extern "C" fn stage_main(entry: &EntryState) -> ! {
    let layout = Symbols::get().layout();
    fault::know_layout(layout);
    power::guess_conduit(entry.el());
    if let Some(reserved) = Reserved::take() {
        structured::start(reserved.ring);
        heap::start(reserved.heap);
    }
    let pending = asm::take_serrors();
    defmt::info!("entered at EL{=u64}, image {=u64:#x}, dtb {=u64:#x}", entry.el(), layout.base, entry.x[0]);

    let mut maps = Maps::new(entry, layout);
    let header = dtb::header(entry.x[0], &layout);
    let used = [layout.image(), header.as_ref().ok().and_then(|header| header.outward(PAGE))];
    let is_device = |console: &Console| {
        console.pages().is_some_and(|pages| {
            is_addressable(pages) && !used.iter().flatten().any(|used| used.overlaps(pages))
        })
    };
    let fallback = console_slot::get(memory::console_slot()).and_then(Console::named).filter(is_device);
    let fallback_pages = pages([fallback, None]);
    let header = enter_second_map(&mut maps, header, &fallback_pages);
    // SAFETY: this map and the third have its pages; nothing is logged between the fourth and the next call.
    unsafe { log::fall_back_to(fallback) };
    console!("ringfence {} at {:#x}, EL{}", env!("CARGO_PKG_VERSION"), layout.base, entry.el());
    if let Some(ring) = structured::span() {
        console!("structured log at {ring}");
    }
    if let Some(esr) = pending {
        console!("an SError was pending at entry ({esr}): something that ran before the stage caused it");
    }
    if entry.had_caches_on() {
        console!("entered with the MMU or the data cache on, against the boot protocol");
    }
    if entry.x[1..] != [0; 3] {
        console!("x1 to x3 are not 0 at entry, against the boot protocol; the kernel will get 0");
    }
    let at = header.and_then(|header| dtb::measure(&mut maps, header, &layout));
    let at = at.unwrap_or_else(|why| trees::without_loaders(&mut maps, &layout, &fallback_pages, &why));

    enter(&mut maps, &Wanted { read: &[at], devices: &fallback_pages, ..Wanted::default() });
    // A copy, because what the loader left running may still write to the original.
    let Some(blob) = maps.copy(at) else {
        halt!(
            "a copy of the device tree at {:#x} does not fit into the stage's heap; make it smaller",
            at.base()
        );
    };
    let tree = Tree::parse(blob.leak())
        .unwrap_or_else(|why| halt!("the device tree at {:#x} is damaged: {why}", at.base()));
    power::use_conduit(psci::conduit(&tree));

    let survey = MemoryMap::survey(&tree, &BootFacts::default());
    let places = payload::places(&tree, &survey, &layout);
    let read = places.as_ref().map_or_else(|_| Vec::new(), payload::Places::spans);
    let own = [layout.image(), Some(at)];
    let is_free = |pages, source: Source| {
        let owner = owner(pages, source.is_address(), &survey, &own, &read);
        if let Some(owner) = owner {
            console!("console: {source} names a UART whose page {pages} overlaps {owner}; it is not used");
        }
        owner.is_none()
    };
    let console = console::find(&tree, fallback, &is_free);
    // A carveout that covers it may be what is wrong with the tree: until the final map, which has none, the
    // refusal can be sent there.
    let taken: Vec<Span> = own.into_iter().flatten().chain(read.iter().copied()).collect();
    let fallback = fallback.filter(|fallback| {
        fallback.pages().is_some_and(|pages| !taken.iter().any(|span| span.overlaps(pages)))
    });
    let mut devices = pages([console.map(|(console, _)| console), fallback]);
    let entered = maps.enter(&Wanted { read: &read, devices: &devices, ..Wanted::default() });
    if entered.is_err() {
        // What cannot be mapped must not cost the console on which that is logged.
        enter(&mut maps, &Wanted { devices: &devices, ..Wanted::default() });
    }
    // SAFETY: this map and the final one, the only one to follow, have its pages in `devices`.
    unsafe { log::fall_back_to(fallback) };
    if let Some(console) = console {
        // SAFETY: as above. If another takes its place, this one is not used any more.
        unsafe { log::hold(console) };
    }
    entered.unwrap_or_else(|why| unmappable(why));
    if entry.was_el3() {
        // There is no firmware: the loader took the stage for it.
        power::use_conduit(None);
        halt!("entered at EL3, which is for firmware; enter the stage at EL2 or EL1");
    }
    let payload::Opened { payload, bootargs } =
        places.unwrap_or_else(|why| halt!("{why}")).open(&mut maps, &tree);
    log::start_held(payload.policy.as_ref());
    let mut console = console.map(|(console, _)| console);
    let wanted = payload.policy.as_ref().map(|policy| policy.console);
    let is_strict = wanted == Some(ConsoleEvidence::Earlycon);
    let mut start_console = |maps: &mut Maps, tree: &Tree<'_>, survey: &MemoryMap| {
        let is_bare = console::has_bare_earlycon(tree);
        let is_known = |source: Source| source.is_address() || source == Source::StdoutPath && is_bare;
        let is_free = |pages, source: Source| {
            (!is_strict || is_known(source))
                && owner(pages, source.is_address(), survey, &own, &read).is_none()
        };
        console = console::find(tree, fallback, is_free).map(|(console, _)| console);
        devices = pages([console, fallback]);
        enter(maps, &Wanted { read: &read, devices: &devices, ..Wanted::default() });
        if let Some(console) = console {
            // SAFETY: this map and the final one have its pages.
            unsafe { log::start(console) };
        }
    };
    if is_strict && !log::is_started() {
        start_console(&mut maps, &tree, &survey);
    }
    let logs = payload.policy.as_ref().is_some_and(|policy| policy.log.is_some());
    if logs {
        log::record();
    }
    let Chosen { blob, at, loader } = trees::choose(at, &tree, bootargs, &payload);
    let (tree, survey) = match blob {
        None => (tree, survey),
        Some(blob) => {
            let tree = Tree::parse(blob).unwrap_or_else(|why| halt!("the changed device tree: {why}"));
            let survey = MemoryMap::survey(&tree, &BootFacts::default());
            // A bundle's tree may name a console where the loader's names none.
            if !log::is_started() {
                start_console(&mut maps, &tree, &survey);
            }
            (tree, survey)
        }
    };
    let policy = payload.policy.as_ref();
    let watchdogs = watchdog::find(&tree, policy, |page| owner(page, true, &survey, &own, &read));
    if !watchdogs.is_empty() {
        let with_them: Vec<Span> =
            devices.iter().copied().chain(watchdogs.iter().flat_map(Watchdog::pages)).collect();
        match maps.enter(&Wanted { read: &read, devices: &with_them, ..Wanted::default() }) {
            Ok(()) => {
                devices = with_them;
                // SAFETY: this map and the final one, the only one to follow, have their pages.
                unsafe { watchdog::serve(watchdogs, policy.map_or_else(Default::default, |p| p.watchdog)) };
            }
            Err(why) => console!("watchdog: none is touched: {why}"),
        }
    }
    let proven = enforce::enforce(&layout, at, Surveyed { tree, survey, loader }, &payload);

    let sentinel = Sentinel::prepare(entry, &payload, &proven);
    // All RAM of Linux and no carveout: any stray access from here on faults. The sentinel's own is still to
    // be filled.
    let home = sentinel.as_ref().map(Sentinel::home);
    let holes: Vec<Span> =
        proven.carveouts().map(|(span, _)| span).filter(|&span| Some(span) != home).collect();
    let kept = if logs { persistent_log::place(&proven) } else { None };
    let ram = handoff::memory_needed(&proven, home.into_iter().chain(kept));
    let used = pages([console, None]);
    let fallback_pages = fallback.and_then(|fallback| fallback.pages());
    if let Some(pages) =
        fallback_pages.filter(|pages| holes.iter().chain(&ram).any(|span| span.overlaps(*pages)))
    {
        // The tree is right, so no UART is there: Linux, or an owner of its own, has that memory.
        // SAFETY: no console is named.
        unsafe { log::fall_back_to(None) };
        devices.retain(|device| *device != pages || used.contains(device));
    }
    watchdog::leave(&holes);
    log::leave(&holes);
    maps.clean_out(&holes);
    enter(&mut maps, &Wanted { ram: &ram, carveouts: &holes, read: &read, devices: &devices });
    enforce::read_banks(&proven, &ram);
    enforce::probe(&proven, home);
    let sentinel = sentinel.map(|sentinel| (sentinel, console));
    handoff::hand_off(entry, &maps, &payload, &proven, sentinel)
}

/// Returns the pages of consoles.
fn pages(consoles: [Option<Console>; 2]) -> Vec<Span> {
    consoles.into_iter().flatten().filter_map(|console| console.pages()).collect()
}

/// Returns the owner of a page of registers, if it is memory. For a console, RAM counts only against an
/// address that is not a node's: where a node says that there is a UART, it may be the RAM that is wrong,
/// which must be reported.
fn owner(
    page: Span,
    is_ram_owned: bool,
    survey: &MemoryMap,
    own: &[Option<Span>],
    payload: &[Span],
) -> Option<&'static str> {
    let overlaps = |span: &Span| span.overlaps(page);
    match () {
        () if !is_addressable(page) => Some("addresses that this CPU does not have"),
        () if own.iter().flatten().any(overlaps) => Some("the stage or the device tree"),
        () if payload.iter().any(overlaps) => Some("the payload"),
        () if survey.carveouts().any(|span| overlaps(&span)) => Some("a carveout"),
        () if is_ram_owned && survey.ram.spans().iter().any(overlaps) => Some("RAM"),
        () => None,
    }
}

/// Returns whether this CPU has all of these addresses, so that a map can.
fn is_addressable(span: Span) -> bool {
    (span.end() - 1) >> maps::physical_bits() == 0
}

/// Enters the second map, with the first words of the device tree and the fallback console. A device tree
/// that cannot be mapped must not cost the console on which that is logged.
fn enter_second_map(maps: &mut Maps, header: Result<Span, NoTree>, devices: &[Span]) -> Result<Span, NoTree> {
    let read: Vec<Span> = header.iter().copied().collect();
    if maps.enter(&Wanted { read: &read, devices, ..Wanted::default() }).is_ok() {
        return header;
    }
    if let Err(why) = maps.enter(&Wanted { devices, ..Wanted::default() }) {
        halt!("the stage cannot map itself: {why}; load it elsewhere");
    }
    header.and(Err(NoTree::Unusable(
        "x0 is beyond the addresses of this CPU, or a device; pass the address of a device tree in RAM",
    )))
}

fn enter(maps: &mut Maps, wanted: &Wanted<'_>) {
    maps.enter(wanted).unwrap_or_else(|why| unmappable(why));
}

fn unmappable(why: MapError) -> ! {
    halt!("{why}; check /memory and the load addresses")
}
