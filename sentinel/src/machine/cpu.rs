//! Sets a processor up, as `registers` has it.

use super::{log, smc, sys};
use ringfence_sentinel::abi::{Config, Cpu};
use ringfence_sentinel::calls;
use ringfence_sentinel::registers::Ids;
use ringfence_sentinel::report::Kind;

/// Reads the ID registers.
pub(super) fn ids() -> Ids {
    Ids {
        pfr0: sys::id_aa64pfr0::get(),
        pfr1: sys::id_aa64pfr1::get(),
        pfr2: sys::id_aa64pfr2::get(),
        dfr0: sys::id_aa64dfr0::get(),
        isar1: sys::id_aa64isar1::get(),
        isar2: sys::id_aa64isar2::get(),
        mmfr0: sys::id_aa64mmfr0::get(),
        mmfr1: sys::id_aa64mmfr1::get(),
        mmfr3: sys::id_aa64mmfr3::get(),
        mmfr4: sys::id_aa64mmfr4::get(),
        smfr0: sys::id_aa64smfr0::get(),
    }
}

/// Writes every register of EL2 that governs EL1, and what of EL1's own a processor is entered with.
pub(super) fn set_up(config: &Config, ids: &Ids) {
    sys::vtcr_el2::set(config.vtcr);
    sys::vttbr_el2::set(config.vttbr);
    sys::vpidr_el2::set(sys::midr::get());
    sys::vmpidr_el2::set(sys::mpidr::get());
    sys::cnthctl_el2::set(3);
    sys::cntvoff_el2::set(0);
    sys::hstr_el2::set(0);
    vectors(ids);
    debug(ids);
    interrupts(ids);
    traps(ids);
    partitions(ids);
    // Last: from here on EL1 is behind stage 2.
    sys::settle();
    sys::hcr_el2::set(ids.hcr());
    /// MMU and caches off, as the kernel's own reset value has it.
    const SCTLR_EL1_OFF: u64 = 0x30d0_0800;
    sys::sctlr_el1::set(SCTLR_EL1_OFF);
    sys::isb();
}

/// FP, SVE and SME.
fn vectors(ids: &Ids) {
    sys::cptr_el2::set(ids.cptr());
    sys::isb();
    if ids.has_sve() {
        /// The longest vectors.
        const LEN: u64 = 0x1ff;
        sys::zcr_el2::set(LEN);
    }
    if ids.has_sme() {
        sys::smcr_el2::set(ids.smcr());
        sys::smprimap_el2::set(0);
    }
}

/// Counters, profiling, trace.
fn debug(ids: &Ids) {
    /// `P` of PMBIDR_EL1 and of TRBIDR_EL1: the buffer is a higher level's.
    const PROHIBITED: u64 = 1 << 4;
    let counters = if ids.has_pmu() { sys::pmcr::get() >> 11 } else { 0 };
    if ids.has_spe() && sys::pmbidr::get() & PROHIBITED == 0 {
        /// PCT and PA: physical time and addresses may be sampled.
        const PHYSICAL: u64 = 0x50;
        sys::pmscr_el2::set(PHYSICAL);
    }
    let own_trace = ids.has_trbe() && sys::trbidr::get() & PROHIBITED == 0;
    sys::mdcr_el2::set(ids.mdcr(counters, own_trace));
    if ids.has_trace_filter() {
        sys::trfcr_el2::set(0);
    }
    if ids.has_brbe() {
        /// CC and MPRED: EL1 decides whether they are recorded.
        const RECORDED: u64 = 0x18;
        sys::brbcr_el2::set(RECORDED);
    }
}

/// The system registers of GICv3, if present; a GICv2 has none.
fn interrupts(ids: &Ids) {
    if !ids.has_gic_registers() {
        return;
    }
    /// SRE and Enable.
    const ENABLE: u64 = 9;
    sys::icc_sre_el2::set(sys::icc_sre_el2::get() | ENABLE);
    sys::isb();
    if sys::icc_sre_el2::get() & 1 != 0 {
        sys::ich_hcr_el2::set(0);
    }
}

/// Traps that newer features have on unless somebody says otherwise.
fn traps(ids: &Ids) {
    if ids.has_hcrx() {
        sys::hcrx_el2::set(ids.hcrx());
    }
    if ids.has_fgt() {
        sys::hfgrtr_el2::set(ids.hfgrtr());
        sys::hfgwtr_el2::set(ids.hfgrtr());
        sys::hfgitr_el2::set(ids.hfgitr());
        sys::hdfgrtr_el2::set(ids.hdfgrtr());
        // There is nothing to write in BRBIDR_EL1.
        sys::hdfgwtr_el2::set(ids.hdfgrtr() & !(1 << 59));
        if ids.has_amu() {
            sys::hafgrtr_el2::set(0);
        }
    }
    if ids.has_fgt2() {
        let fds = ids.has_spe() && sys::pmsidr::get() & 1 << 7 != 0;
        sys::hdfgrtr2_el2::set(ids.hdfgrtr2(fds));
        sys::hdfgwtr2_el2::set(ids.hdfgrtr2(fds));
        sys::hfgrtr2_el2::set(0);
        sys::hfgwtr2_el2::set(0);
        sys::hfgitr2_el2::set(0);
    }
    if ids.has_gcs() {
        sys::gcscr_el1::set(0);
        sys::gcscre0_el1::set(0);
    }
}

/// Memory partitioning, and limited ordering regions.
fn partitions(ids: &Ids) {
    if ids.has_lor() {
        sys::lorc_el1::set(0);
    }
    if ids.has_mpam() {
        /// EnMPAMSM: MPAMSM_EL1 is not trapped.
        const STREAMING: u64 = 1 << 50;
        sys::mpam2_el2::set(if ids.has_sme() { STREAMING } else { 0 });
        if sys::mpamidr::get() & 1 << 17 != 0 {
            sys::mpamhcr_el2::set(0);
        }
    }
}

/// Leaves a processor off that has a feature which is not known, for a processor that is half set up would
/// fail later, and far from here.
pub(super) fn refuse(config: &Config, me: &Cpu, number: u8) -> ! {
    let report =
        log::Report { kind: Kind::Refused, esr: 0, hole: None, address: number.into(), urgent: true };
    log::report(config, &report, me);
    smc::firmware(calls::CPU_OFF);
    loop {
        sys::wait();
    }
}

/// Rests until Linux writes where to go.
pub(super) fn wait_for_release(me: &Cpu) -> u64 {
    sys::write_word(me.release, 0);
    loop {
        match sys::read_word(me.release) {
            0 => sys::wait_for_event(),
            at => return at,
        }
    }
}
