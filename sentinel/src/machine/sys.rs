//! Every access to a register of the processor or of a device, and the few instructions.

use core::arch::asm;
use ringfence_sentinel::abi::Config;
use ringfence_sentinel::ring::{LEN, Ring};

/// Makes a module for each register, by the name that the assembler knows, with `get` and, where it says so,
/// `set`.
macro_rules! registers {
    ($($(#[$doc:meta])* $name:ident = $register:literal $(, $write:ident)?;)*) => {
        $($(#[$doc])* pub(super) mod $name {
            /// Reads the register.
            #[allow(dead_code, reason = "some are only written")]
            #[inline(always)]
            pub(in super::super) fn get() -> u64 {
                let value: u64;
                // SAFETY: reads a register of this level, or of a level below, without side effects.
                unsafe {
                    core::arch::asm!(
                        concat!("mrs {}, ", $register),
                        out(reg) value,
                        options(nomem, nostack, preserves_flags),
                    )
                };
                value
            }
            $(registers!(@$write $register);)?
        })*
    };
    (@write $register:literal) => {
        /// Writes the register.
        #[inline(always)]
        pub(in super::super) fn set(value: u64) {
            // SAFETY: the registers that are written govern EL1, and what comes here from there, not this
            // code.
            unsafe {
                core::arch::asm!(
                    concat!("msr ", $register, ", {}"), in(reg) value, options(nostack, preserves_flags)
                )
            };
        }
    };
}

registers! {
    id_aa64pfr0 = "id_aa64pfr0_el1";
    id_aa64pfr1 = "id_aa64pfr1_el1";
    id_aa64pfr2 = "S3_0_C0_C4_2";
    id_aa64smfr0 = "S3_0_C0_C4_5";
    id_aa64dfr0 = "id_aa64dfr0_el1";
    id_aa64isar1 = "id_aa64isar1_el1";
    id_aa64isar2 = "S3_0_C0_C6_2";
    id_aa64mmfr0 = "id_aa64mmfr0_el1";
    id_aa64mmfr1 = "id_aa64mmfr1_el1";
    id_aa64mmfr3 = "S3_0_C0_C7_3";
    id_aa64mmfr4 = "S3_0_C0_C7_4";
    midr = "midr_el1";
    mpidr = "mpidr_el1";
    pmcr = "pmcr_el0";
    pmbidr = "S3_0_C9_C10_7";
    pmsidr = "S3_0_C9_C9_7";
    trbidr = "S3_0_C9_C11_7";
    mpamidr = "S3_0_C10_C4_4";
    cache_type = "ctr_el0";
    counter = "cntpct_el0";
    frequency = "cntfrq_el0";
    esr_el2 = "esr_el2";
    far_el2 = "far_el2";
    hpfar_el2 = "hpfar_el2";
    vbar_el1 = "vbar_el1";
    elr_el2 = "elr_el2", write;
    spsr_el2 = "spsr_el2", write;
    esr_el1 = "esr_el1", write;
    far_el1 = "far_el1", write;
    elr_el1 = "elr_el1", write;
    spsr_el1 = "spsr_el1", write;
    sctlr_el1 = "sctlr_el1", write;
    hcr_el2 = "hcr_el2", write;
    hcrx_el2 = "S3_4_C1_C2_2", write;
    vtcr_el2 = "vtcr_el2", write;
    vttbr_el2 = "vttbr_el2", write;
    vpidr_el2 = "vpidr_el2", write;
    vmpidr_el2 = "vmpidr_el2", write;
    cnthctl_el2 = "cnthctl_el2", write;
    cntvoff_el2 = "cntvoff_el2", write;
    hstr_el2 = "hstr_el2", write;
    cptr_el2 = "cptr_el2", write;
    mdcr_el2 = "mdcr_el2", write;
    zcr_el2 = "S3_4_C1_C2_0", write;
    smcr_el2 = "S3_4_C1_C2_6", write;
    smprimap_el2 = "S3_4_C1_C2_5", write;
    pmscr_el2 = "S3_4_C9_C9_0", write;
    trfcr_el2 = "S3_4_C1_C2_1", write;
    brbcr_el2 = "S2_4_C9_C0_0", write;
    lorc_el1 = "S3_0_C10_C4_3", write;
    icc_sre_el2 = "S3_4_C12_C9_5", write;
    ich_hcr_el2 = "S3_4_C12_C11_0", write;
    hfgrtr_el2 = "S3_4_C1_C1_4", write;
    hfgwtr_el2 = "S3_4_C1_C1_5", write;
    hfgitr_el2 = "S3_4_C1_C1_6", write;
    hdfgrtr_el2 = "S3_4_C3_C1_4", write;
    hdfgwtr_el2 = "S3_4_C3_C1_5", write;
    hafgrtr_el2 = "S3_4_C3_C1_6", write;
    hdfgrtr2_el2 = "S3_4_C3_C1_0", write;
    hdfgwtr2_el2 = "S3_4_C3_C1_1", write;
    hfgrtr2_el2 = "S3_4_C3_C1_2", write;
    hfgwtr2_el2 = "S3_4_C3_C1_3", write;
    hfgitr2_el2 = "S3_4_C3_C1_7", write;
    mpam2_el2 = "S3_4_C10_C5_0", write;
    mpamhcr_el2 = "S3_4_C10_C4_0", write;
    gcscr_el1 = "S3_0_C2_C5_0", write;
    gcscre0_el1 = "S3_0_C2_C5_2", write;
}

/// Makes what was written to registers hold for what follows.
pub(super) fn isb() {
    // SAFETY: a barrier.
    unsafe { asm!("isb", options(nostack, preserves_flags)) }
}

/// Waits until what was accessed has been: before HCR_EL2 is written (AmpereOne erratum AC04_CPU_23).
pub(super) fn settle() {
    // SAFETY: a barrier.
    unsafe { asm!("dsb nsh", options(nostack, preserves_flags)) }
}

/// Makes a descriptor that was written visible to the walks of every processor.
pub(super) fn publish() {
    // SAFETY: barriers.
    unsafe { asm!("dsb ishst", "isb", options(nostack, preserves_flags)) }
}

/// Waits for an interrupt.
pub(super) fn wait() {
    // SAFETY: changes nothing.
    unsafe { asm!("wfi", options(nomem, nostack, preserves_flags)) }
}

/// Waits for an event.
pub(super) fn wait_for_event() {
    // SAFETY: changes nothing.
    unsafe { asm!("wfe", options(nostack, preserves_flags)) }
}

/// Reads a register of the UART, of one byte or four.
pub(super) fn read_device(at: u64, width: u64) -> u32 {
    if width == 1 {
        // SAFETY: the stage gives the address of a register of a UART, which the own map has as a device.
        return unsafe { core::ptr::read_volatile(at as *const u8) }.into();
    }
    // SAFETY: as above.
    unsafe { core::ptr::read_volatile(at as *const u32) }
}

/// Writes a byte to a register of the UART.
pub(super) fn write_device(at: u64, width: u64, byte: u8) {
    if width == 1 {
        // SAFETY: as in `read_device`.
        return unsafe { core::ptr::write_volatile(at as *mut u8, byte) };
    }
    // SAFETY: as in `read_device`.
    unsafe { core::ptr::write_volatile(at as *mut u32, byte.into()) }
}

/// Reads a word of memory that others write: a spin table's, or a table's of stage 2.
pub(super) fn read_word(at: u64) -> u64 {
    // SAFETY: the stage gives the addresses of release words and of the tables, which the own map has as
    // data.
    unsafe { core::ptr::read_volatile(at as *const u64) }
}

/// Writes such a word.
pub(super) fn write_word(at: u64, value: u64) {
    // SAFETY: as in `read_word`; nothing of Rust's is there.
    unsafe { core::ptr::write_volatile(at as *mut u64, value) }
}

/// Returns the ring.
pub(super) fn ring(config: &Config) -> &Ring {
    // SAFETY: the stage gives the address of a page-aligned area for it, zero at first, that the own map has
    // as data and that only this reference's atomics change. Every content is a valid ring.
    unsafe { &*(config.ring as *const Ring) }
}

/// Writes the ring back to memory, where it outlives a warm reset.
pub(super) fn clean_ring(config: &Config) {
    let line = 4_u64 << (cache_type::get() >> 16 & 0xf);
    let (mut at, end) = (config.ring, config.ring + LEN as u64);
    while at < end {
        // SAFETY: changes no content; the ring is mapped.
        unsafe { asm!("dc cvac, {}", in(reg) at, options(nostack, preserves_flags)) }
        at += line;
    }
    // SAFETY: a barrier.
    unsafe { asm!("dsb sy", options(nostack, preserves_flags)) }
}

unsafe extern "C" {
    fn forward(words: *mut u64);
}

/// Calls the firmware with x0 to x17 in `words`, and puts there what it returns.
pub(super) fn firmware_call(words: &mut [u64; 18]) {
    // SAFETY: reads and writes 18 words.
    unsafe { forward(words.as_mut_ptr()) }
}
