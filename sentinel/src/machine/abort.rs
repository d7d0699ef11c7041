//! Accesses to what is absent from stage 2: reported, then given back to EL1 as what a bus would answer.

use super::{log, stop, sys};
use ringfence_sentinel::abi::{Config, Count, Cpu, OnAccess};
use ringfence_sentinel::inject;
use ringfence_sentinel::report::Kind;

/// Answers an access.
pub(super) fn access(config: &Config, me: &Cpu, esr: u64) {
    config.count(Count::Access);
    let (far, pstate) = (sys::far_el2::get(), sys::spsr_el2::get());
    let at = inject::address(esr, sys::hpfar_el2::get(), far);
    let hole = config.holes().position(|hole| hole.base <= at && at < hole.end);
    let hole = hole.map(|index| index as u16);
    // Where EL1's vector itself is out of reach, it would come back here for ever.
    let vector = inject::vector(sys::vbar_el1::get(), pstate);
    let is_lost = inject::class(esr) == inject::FETCH && sys::elr_el2::get() == vector;
    let ends =
        is_lost || config.on_access == OnAccess::Halt as u64 || config.on_access == OnAccess::Reset as u64;
    log::report(config, &log::Report { kind: Kind::Access, esr, hole, address: at, urgent: ends }, me);
    match () {
        () if config.on_access == OnAccess::Reset as u64 => stop(config, OnAccess::Reset),
        () if ends => stop(config, OnAccess::Halt),
        () if config.on_access == OnAccess::Log as u64 && hole.is_some() && map(config, at) => return,
        () => {}
    }
    inject(inject::external_abort(esr, pstate), Some(far));
}

/// Answers something that is trapped and that this Linux should not do: undefined, as without the feature.
pub(super) fn undefined(config: &Config, me: &Cpu, esr: u64) {
    config.count(Count::Trapped);
    log::report(config, &log::Report { kind: Kind::Trapped, esr, hole: None, address: 0, urgent: false }, me);
    inject(inject::UNDEFINED, None);
}

/// Enters EL1's vector as the processor would.
fn inject(esr: u64, far: Option<u64>) {
    let old = sys::spsr_el2::get();
    let has_mte = sys::id_aa64pfr1::get() >> 8 & 0xf > 1;
    sys::esr_el1::set(esr);
    if let Some(far) = far {
        sys::far_el1::set(far);
    }
    sys::elr_el1::set(sys::elr_el2::get());
    sys::spsr_el1::set(old);
    sys::elr_el2::set(inject::vector(sys::vbar_el1::get(), old));
    sys::spsr_el2::set(inject::entry_state(old, sys::sctlr_el1::get(), has_mte));
}

/// Maps the page, or the block, that the walk for `at` found absent: an entry that is absent lies in one hole
/// as a whole. Returns whether it is mapped now.
fn map(config: &Config, at: u64) -> bool {
    const VALID: u64 = 1;
    const TABLE_OR_PAGE: u64 = 1 << 1;
    const ADDRESS: u64 = 0x0000_ffff_ffff_f000;
    /// Normal memory, cached, readable and writable, accessed.
    const LEAF: u64 = VALID | 0xf << 2 | 3 << 6 | 1 << 10;
    let mut table = (config.vttbr & ADDRESS) + (at >> 39 << 12);
    for level in 1..=3 {
        let shift = 39 - 9 * level;
        let entry = table + (at >> shift & 0x1ff) * 8;
        let found = sys::read_word(entry);
        if found & VALID == 0 {
            let kind = if level == 3 { TABLE_OR_PAGE } else { 0 };
            sys::write_word(entry, at >> shift << shift | LEAF | kind);
            sys::publish();
            return true;
        }
        if level == 3 || found & TABLE_OR_PAGE == 0 {
            // Another processor was faster.
            return true;
        }
        table = found & ADDRESS;
    }
    false
}
