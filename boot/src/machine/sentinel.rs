//! The sentinel: puts it into the memory that the plan set apart for it, with its maps, and returns its way
//! in.

use super::asm::{self, EntryState};
use super::maps::{self, Maps};
use aarch64_cpu::registers::{CNTFRQ_EL0, ID_AA64MMFR0_EL1, MPIDR_EL1, Readable};
use alloc::string::String;
use alloc::vec::Vec;
use ringfence::fdt::Tree;
use ringfence::payload::Payload;
use ringfence::policy::{self, SentinelConsole};
use ringfence::prove::Proven;
use ringfence::sentinel::{self, Processor};
use ringfence::span::Span;
use ringfence_boot::console::Console;
use ringfence_boot::paging::{Access, Builder, MAIR, MapError, PAGE, Regime, Table, translation_control};
use ringfence_boot::sentinel::stage2::{self, Grant};
use ringfence_boot::sentinel::{allowed, on_access, previous, uart};
use ringfence_sentinel::abi::{CONFIG_AT, CPUS, Config, Cpu, HOLES, Hole, RING_AT, TABLES_AT, Uart, Way};
use ringfence_sentinel::ring::{self, Reader, Ring};

/// The resident's code and constants.
static RESIDENT: &[u8] = include_bytes!(env!("RINGFENCE_RESIDENT"));
/// Tables of the sentinel's own map: root, and two levels for each of code and data, UART, and release words.
const OWN_TABLES: usize = 12;
/// The VMID in VTTBR_EL2.
const VMID: u64 = 1 << 48;
/// Aff3, Aff2, Aff1 and Aff0 of MPIDR_EL1.
const AFFINITY: u64 = 0xff_00ff_ffff;
/// How often the stage looks whether a processor has left its spin table.
const MAX_POLLS: u32 = 10_000_000;

/// A sentinel that can be installed.
pub(super) struct Sentinel {
    home: Span,
    policy: policy::Sentinel,
    watched: Vec<(Span, String)>,
    processors: Vec<Processor>,
    bits: u32,
}

impl Sentinel {
    /// Returns the sentinel that the policy wants, if it does, or refuses the boot because it cannot be had.
    pub(super) fn prepare(entry: &EntryState, payload: &Payload<'_>, proven: &Proven) -> Option<Self> {
        let policy = payload.policy.as_ref()?.sentinel.clone()?;
        match entry.regime {
            Regime::El2 => {}
            Regime::El1 => halt!(
                "the sentinel needs EL2, and this board enters the stage at EL1; take [sentinel] out of the \
                 policy"
            ),
            Regime::El2Host => halt!(
                "the sentinel does not know this processor: HCR_EL2.E2H is fixed to 1; take [sentinel] out \
                 of the policy"
            ),
        }
        let Ok(tree) = Tree::parse(proven.dtb()) else { halt!("the proven tree cannot be read") };
        if let Some(obstacle) = sentinel::obstacle(&tree) {
            halt!("no sentinel is possible: {obstacle}; take [sentinel] out of the policy");
        }
        let map = proven.map();
        let Some(region) = sentinel::region(&tree, map) else {
            halt!("the sentinel has no memory: let the policy repair the tree, or run `ringfence fix`");
        };
        let home =
            sentinel::home(region).unwrap_or_else(|why| halt!("the sentinel's region {} {why}", region.path));
        let processors = sentinel::processors(&tree);
        let watched = sentinel::watched(&tree, map, &policy);
        if processors.len() > CPUS || watched.len() > HOLES {
            halt!(
                "the sentinel takes {CPUS} processors and {HOLES} spans, and there are {} and {}; name fewer \
                 carveouts in [sentinel]",
                processors.len(),
                watched.len()
            );
        }
        let end = sentinel::highest_address(&tree, map);
        let Some(bits) = stage2::bits(end, maps::physical_bits()) else {
            halt!(
                "the tree has addresses up to {end:#x}, beyond the {} bits of the sentinel",
                stage2::MAX_BITS
            );
        };
        for region in map.enabled().filter(|region| region.no_map && region.spans() != [home]) {
            if !watched.iter().any(|one| one.node(map) == Some(region.node)) {
                console!("sentinel: {} is left to its driver", region.name);
            }
        }
        let name =
            |one: &sentinel::Watched| map.region_at(one.region).map_or("", |region| region.name.as_str());
        let watched = watched.iter().map(|one| (one.span, String::from(name(one)))).collect();
        Some(Self { home, policy, watched, processors, bits })
    }

    /// Returns the memory in which it will live.
    pub(super) fn home(&self) -> Span {
        self.home
    }

    /// Installs it for a kernel and returns where it is entered, with the MMU off and the device tree in x0.
    pub(super) fn install(self, maps: &Maps, proven: &Proven, console: Option<Console>, kernel: u64) -> u64 {
        let home = self.home;
        // SAFETY: the plan gave the memory to the sentinel alone, and nothing of the stage refers to it.
        let Some(bytes) = (unsafe { maps.write(home) }) else {
            halt!("the sentinel's memory {home} is not writable RAM; this is a defect, please report it");
        };
        if let Some(ring) = bytes.get(RING_AT as usize..).and_then(|rest| Reader::new(rest)) {
            previous(ring, |line| console!("{line}"));
        }
        // Zero is where every part starts: tables in which nothing is mapped, an empty ring.
        bytes.fill(0);
        bytes.iter_mut().zip(RESIDENT).for_each(|(to, from)| *to = *from);

        let Ok(tree) = Tree::parse(proven.dtb()) else { halt!("the proven tree cannot be read") };
        let base = home.base();
        let physical = maps::physical_bits();
        let uart = self.uart(console);
        let (ttbr, virtual_bits) = self
            .own_map(uart.and(console), physical)
            .unwrap_or_else(|why| halt!("the sentinel's own map: {why}; this is a defect, please report it"));
        let root = base + TABLES_AT + OWN_TABLES as u64 * PAGE;
        let root = root.next_multiple_of(stage2::roots(self.bits) as u64 * PAGE);
        let used = self.stage2(root).unwrap_or_else(|why| {
            halt!("the sentinel's map of memory: {why}; name fewer carveouts in [sentinel]")
        });
        let config = config_at(base + CONFIG_AT);
        config.mair = MAIR;
        config.tcr = translation_control(Regime::El2, virtual_bits, physical);
        config.ttbr = ttbr;
        /// RES1; M, C, SA, I and WXN.
        const SCTLR_EL2_ON: u64 = 0x30c5_0830 | 0x0008_100d;
        config.sctlr = SCTLR_EL2_ON;
        config.vtcr = stage2::control(self.bits, ID_AA64MMFR0_EL1.read(ID_AA64MMFR0_EL1::PARange));
        config.vttbr = root | VMID;
        config.kernel = kernel;
        config.base = base;
        config.ring = base + RING_AT;
        config.on_access = on_access(self.policy.on_access) as u64;
        config.allowed = allowed(&tree);
        config.uart = uart.unwrap_or_default();
        config.holes = self.watched.len() as u64;
        for (hole, (span, name)) in config.hole.iter_mut().zip(&self.watched) {
            *hole = Hole::new(span.base(), span.end(), name);
        }
        config.cpus = self.processors.len() as u64;
        for (cpu, processor) in config.cpu.iter_mut().zip(&self.processors) {
            *cpu = Cpu { mpidr: processor.mpidr, release: processor.release.unwrap_or(0), ..Cpu::default() };
        }
        let holes = config.hole.get(..self.watched.len()).unwrap_or_default();
        ring_at(base + RING_AT).start(CNTFRQ_EL0.get(), holes);
        asm::clean_span(home);
        console!(
            "sentinel: {} bytes at {base:#x}, {} processors, stage 2 of {} bits in {used} tables, \
             ring at {:#x}",
            RESIDENT.len(),
            self.processors.len(),
            self.bits,
            base + RING_AT
        );
        for (span, name) in &self.watched {
            console!("sentinel: watches {name} {span}");
        }
        self.take_waiting(maps);
        base + Way::First as u64
    }

    /// Returns the UART that accesses are reported on, if the policy wants that and the sentinel can drive
    /// it.
    fn uart(&self, console: Option<Console>) -> Option<Uart> {
        if self.policy.console == SentinelConsole::Ring {
            return None;
        }
        let uart = console.and_then(|console| uart(&console));
        if uart.is_none() {
            console!("sentinel: it cannot drive this console, so accesses are reported in its ring alone");
        }
        uart
    }

    /// Builds what the sentinel itself sees: its code, its data, the UART, and the words of spin tables.
    /// Returns the root and the address bits.
    fn own_map(&self, console: Option<Console>, physical: u32) -> Result<(u64, u32), MapError> {
        let home = self.home;
        let code = Span::from_ends(home.base(), home.base() + CONFIG_AT);
        let data = Span::from_ends(home.base() + CONFIG_AT, home.end());
        let mut seen: Vec<(Span, Access)> = Vec::new();
        seen.extend(code.map(|span| (span, Access::Code)));
        seen.extend(data.map(|span| (span, Access::Data)));
        seen.extend(console.and_then(|console| console.pages()).map(|pages| (pages, Access::Device)));
        let releases = self.processors.iter().filter_map(|one| Span::new(one.release?, 8)?.outward(PAGE));
        let releases = ringfence::ledger::union(releases.collect());
        seen.extend(releases.into_iter().map(|span| (span, Access::Data)));
        let limit = seen.iter().map(|(span, _)| span.end()).max().unwrap_or(0);
        let base = home.base() + TABLES_AT;
        let tables = tables_at(base, OWN_TABLES);
        let mut map = Builder::new(tables, base, limit, physical, Regime::El2, asm::clear_table_cached)?;
        seen.iter().try_for_each(|&(span, access)| map.map(span, access))?;
        Ok((map.root(), map.virtual_bits()))
    }

    /// Builds what Linux sees: everything but the watched spans and the sentinel's memory, of which it may
    /// read the ring. Returns the number of tables.
    fn stage2(&self, root: u64) -> Result<usize, MapError> {
        let home = self.home;
        let count = home.end().saturating_sub(root) / PAGE;
        let mut map = stage2::Map::everything(tables_at(root, count as usize), root, self.bits)?;
        for (span, _) in &self.watched {
            map.restrict(*span, Grant::Nothing)?;
        }
        let ring = Span::new(home.base() + RING_AT, ring::LEN as u64);
        for part in ring.iter().flat_map(|ring| home.without(*ring)).flatten() {
            map.restrict(part, Grant::Nothing)?;
        }
        ring.map_or(Ok(()), |ring| map.restrict(ring, Grant::Read))?;
        Ok(map.tables_used())
    }

    /// Fetches the processors that wait in a spin table, before Linux could send them anywhere at EL2.
    fn take_waiting(&self, maps: &Maps) {
        let way_in = self.home.base() + Way::Spin as u64;
        let me = MPIDR_EL1.get() & AFFINITY;
        for processor in self.processors.iter().filter(|processor| processor.mpidr != me) {
            let (Some(release), mpidr) = (processor.release, processor.mpidr) else { continue };
            let word = Span::new(release, 8).filter(|&word| maps.is_writable(word));
            let Some(word) = word.filter(|_| release.is_multiple_of(8)) else {
                halt!("the release address {release:#x} of processor {mpidr:#x} is not writable RAM");
            };
            let at = release as *mut u64;
            // SAFETY: mapped writable RAM, as just checked: the word that is there to be written.
            unsafe { at.write_volatile(way_in) };
            asm::clean_span(word);
            aarch64_cpu::asm::sev();
            // The sentinel empties the word when it has the processor. Both look at memory, past the caches.
            let is_taken = (0..MAX_POLLS).any(|_| {
                asm::clean_span(word);
                // SAFETY: as above.
                unsafe { at.read_volatile() == 0 }
            });
            if !is_taken {
                halt!("processor {mpidr:#x} does not leave its spin table at {release:#x}");
            }
            console!("sentinel: took processor {mpidr:#x} out of its spin table");
        }
    }
}

fn tables_at(base: u64, count: usize) -> &'static mut [Table] {
    // SAFETY: page-aligned, inside the sentinel's memory, which is mapped for writing and which nothing else
    // refers to; the callers' areas are apart from each other. Every content is a valid table.
    unsafe { core::slice::from_raw_parts_mut(base as *mut Table, count) }
}

fn config_at(base: u64) -> &'static mut Config {
    // SAFETY: as in `tables_at`; page-aligned, as long as a configuration, and zero is a valid one.
    unsafe { &mut *(base as *mut Config) }
}

fn ring_at(base: u64) -> &'static Ring {
    // SAFETY: as in `config_at`.
    unsafe { &*(base as *const Ring) }
}
