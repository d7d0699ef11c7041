//! The assembly, and the only safe ways to call it.

use core::arch::global_asm;
use ringfence_boot::esr::Esr;
use ringfence_boot::layout::Layout;
use ringfence_boot::paging::{Access, Regime, Table, block, control};

global_asm!(include_str!("asm/head.S"));
// The generation by which shim revokes images (shim, SBAT.md): to be raised with each fix of a hole through
// which unsigned code could run under Secure Boot.
global_asm!(concat!(
    ".pushsection .sbat, \"a\"\n",
    ".ascii \"sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md\\n\"\n",
    ".ascii \"ringfence,1,ringfence,ringfence,",
    env!("CARGO_PKG_VERSION"),
    ",docs/uefi.md\\n\"\n.popsection",
));
global_asm!(include_str!("asm/entry.S"));
global_asm!(
    include_str!("asm/first.S"),
    EL1_CODE = const block(Regime::El1, Access::Code),
    EL1_DATA = const block(Regime::El1, Access::Data),
    EL1_TCR = const control(Regime::El1),
    EL2_CODE = const block(Regime::El2, Access::Code),
    EL2_DATA = const block(Regime::El2, Access::Data),
    EL2_TCR = const control(Regime::El2),
);
global_asm!(include_str!("asm/vectors.S"));
global_asm!(include_str!("asm/mmu.S"));
global_asm!(include_str!("asm/exit.S"));
global_asm!(include_str!("asm/memory.S"));
global_asm!(include_str!("asm/sha256.S"), options(raw));

/// How the stage was entered; laid out as `asm/entry.S` pushes it.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct EntryState {
    /// x0 to x3: the first is the device tree, the others must be 0.
    pub x: [u64; 4],
    /// The translation regime in which the stage runs.
    pub regime: Regime,
    sctlr: u64,
    hcr: u64,
    traps: u64,
    vbar: u64,
    _pad: u64,
}

impl EntryState {
    /// Returns the exception level of entry.
    pub(super) const fn el(&self) -> u64 {
        self.regime.level()
    }

    /// Returns whether the loader left the MMU or the data cache on.
    pub(super) const fn had_caches_on(&self) -> bool {
        /// SCTLR.M and SCTLR.C.
        const ON: u64 = 1 << 0 | 1 << 2;
        !self.was_el3() && self.sctlr & ON != 0
    }

    /// Returns whether the stage was entered at EL3, and has gone down to this level only to report that.
    pub(super) const fn was_el3(&self) -> bool {
        /// `FROM_EL3` of `asm/entry.S`; a VBAR is a multiple of 2 KiB.
        const FROM_EL3: u64 = 3;
        self.vbar == FROM_EL3
    }
}

/// Addresses from the linker script, in the order of `link_symbols` in `asm/entry.S`.
#[repr(C)]
#[derive(Default)]
pub(super) struct Symbols {
    image_base: u64,
    text_end: u64,
    rodata_end: u64,
    data_begin: u64,
    relro_end: u64,
    fault_guard: u64,
    fault_stack: u64,
    guard: u64,
    stack_bottom: u64,
    stack_top: u64,
    image_end: u64,
    pub early_tables: u64,
    pub early_tables_end: u64,
    pub ring_begin: u64,
    pub ring_end: u64,
    pub heap_begin: u64,
    pub heap_end: u64,
    pub build_id: u64,
}

impl Symbols {
    pub(super) fn get() -> Self {
        let mut symbols = Self::default();
        // SAFETY: link_symbols writes as many words as `Symbols` has, and nothing else.
        unsafe { link_symbols(&mut symbols) };
        symbols
    }

    pub(super) const fn layout(&self) -> Layout {
        Layout {
            base: self.image_base,
            text_end: self.text_end,
            rodata_end: self.rodata_end,
            data_begin: self.data_begin,
            relro_end: self.relro_end,
            fault_guard: self.fault_guard,
            fault_stack: self.fault_stack,
            guard: self.guard,
            stack_bottom: self.stack_bottom,
            stack_top: self.stack_top,
            end: self.image_end,
        }
    }
}

/// What a probe of one byte met.
#[repr(C)]
struct Probed {
    esr: u64,
    far: u64,
}

unsafe extern "C" {
    fn link_symbols(out: &mut Symbols);
    fn clear_early(table: &mut Table, entries: usize);
    fn clear_table(table: &mut Table, entries: usize);
    fn invalidate(begin: u64, end: u64);
    fn enable_map(regime: Regime, root: u64, tcr: u64);
    fn clean(begin: u64, end: u64);
    fn sha256_blocks(state: &mut [u32; 8], data: *const u8, blocks: usize);
    fn probe_byte(address: u64) -> Probed;
    fn unmask_serrors() -> u64;
    fn leave(kernel: u64, dtb: u64, regime: Regime, sctlr: u64, hcr: u64, traps: u64, vbar: u64) -> !;
}

/// Empties the first entries of a table, a multiple of 16, while the caches are off.
pub(super) fn clear_table_uncached(table: &mut Table, entries: usize) {
    // SAFETY: writes only the table that is borrowed: the builder asks for at most all of its entries.
    unsafe { clear_early(table, entries) }
}

/// Empties the first entries of a table, a multiple of 16.
pub(super) fn clear_table_cached(table: &mut Table, entries: usize) {
    // SAFETY: as above.
    unsafe { clear_table(table, entries) }
}

/// Drops the cache lines of memory that was written while the caches were off.
///
/// # Safety
/// `[begin, end)` is page-aligned, belongs to the stage, and nothing in it was written with the caches on.
pub(super) unsafe fn drop_lines(begin: u64, end: u64) {
    // SAFETY: by this function's contract no written line is lost.
    unsafe { invalidate(begin, end) }
}

/// Goes over to another map.
///
/// # Safety
/// The tables under `root` map the stage as `linker/stage.ld` lays it out and everything else that is
/// borrowed now, and stay untouched as long as the map is used; `tcr` fits them.
pub(super) unsafe fn switch_map(regime: Regime, root: u64, tcr: u64) {
    // SAFETY: by this function's contract the code and stack in use stay mapped.
    unsafe { enable_map(regime, root, tcr) }
}

/// Writes a span back to memory, so that it is seen past the caches.
pub(super) fn clean_span(span: ringfence::span::Span) {
    // SAFETY: cleaning changes no content; a span that is not mapped faults, which stops the stage with
    // words.
    unsafe { clean(span.base(), span.end()) }
}

/// Hashes whole blocks into `state`.
///
/// # Safety
/// The CPU has FEAT_SHA256.
pub(super) unsafe fn sha256(state: &mut [u32; 8], blocks: &[[u8; 64]]) {
    if !blocks.is_empty() {
        // SAFETY: reads the blocks and writes the state, nothing else; the instructions exist by contract.
        unsafe { sha256_blocks(state, blocks.as_ptr().cast(), blocks.len()) }
    }
}

/// Reads one byte at `address`, which may fault: `Ok` when the read went through, else the syndrome and
/// address.
pub(super) fn probe(address: u64) -> Result<(), (Esr, u64)> {
    // SAFETY: the exception handler resumes after exactly this read; a byte of memory has no side effect.
    let probed = unsafe { probe_byte(address) };
    if probed.esr == 0 { Ok(()) } else { Err((Esr(probed.esr), probed.far)) }
}

/// Enters the kernel.
///
/// # Safety
/// `kernel` is the first byte of an arm64 Image that is in RAM by the boot protocol, cleaned to the point
/// of coherency like the device tree at `dtb`.
pub(super) unsafe fn enter_kernel(entry: &EntryState, kernel: u64, dtb: u64) -> ! {
    // SAFETY: by this function's contract; the registers are those found at entry.
    unsafe { leave(kernel, dtb, entry.regime, entry.sctlr, entry.hcr, entry.traps, entry.vbar) }
}

/// Takes asynchronous aborts (SErrors) from now on. Returns the syndrome of one that was pending.
pub(super) fn take_serrors() -> Option<Esr> {
    // SAFETY: changes the mask alone; the exception handler resumes after one that is pending.
    let esr = unsafe { unmask_serrors() };
    (esr != 0).then_some(Esr(esr))
}

/// Waits until what was accessed has answered. Returns whether an SError is pending still, which this level
/// then cannot take.
pub(super) fn is_serror_pending() -> bool {
    /// `ISR_EL1.A`.
    const PENDING: u64 = 1 << 8;
    let pending: u64;
    // SAFETY: waits for accesses to end and reads a register that has no side effects.
    unsafe { core::arch::asm!("dsb sy", "isb", "mrs {}, isr_el1", out(reg) pending, options(nostack)) };
    pending & PENDING != 0
}

/// Waits for an interrupt, all of which are masked.
pub(super) fn wait() {
    aarch64_cpu::asm::wfi();
}
