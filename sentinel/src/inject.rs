//! What EL1 is given in place of an access: a synchronous external abort, entered as the processor would (DDI
//! 0487, D1.3 "Exception entry" and the pseudocode `AArch64.TakeException`).

/// Exception class of an instruction abort from a lower level.
pub const FETCH: u64 = 0x20;
/// Exception class of a data abort from a lower level.
pub const DATA: u64 = 0x24;
/// The whole syndrome of something undefined: class 0, 32-bit instruction.
pub const UNDEFINED: u64 = IL;

const IL: u64 = 1 << 25;
/// `ESR.ISS.WnR` of a data abort: a write.
const WNR: u64 = 1 << 6;
/// `ESR.ISS.S1PTW`: on a walk of stage 1.
const WALK: u64 = 1 << 7;
/// `ESR.ISS.CM` of a data abort: cache maintenance.
const CACHE: u64 = 1 << 8;

/// Returns the exception class of a syndrome.
#[must_use]
pub const fn class(esr: u64) -> u64 {
    esr >> 26 & 0x3f
}

/// Tells whether the access came from a walk of stage 1.
#[must_use]
pub const fn is_walk(esr: u64) -> bool {
    esr & WALK != 0
}

/// Tells whether a state, as SPSR_EL2 has it, is of EL0.
#[must_use]
pub const fn is_user(pstate: u64) -> bool {
    pstate & 0xf == 0
}

/// Returns the address that was accessed: HPFAR has the page, FAR the offset; on a walk, FAR is what was
/// being translated.
#[must_use]
pub const fn address(esr: u64, hpfar: u64, far: u64) -> u64 {
    let page = (hpfar & 0xfff_ffff_fff0) << 8;
    if is_walk(esr) { page } else { page | far & 0xfff }
}

/// Returns the syndrome of an external abort in place of a stage-2 abort with the syndrome `esr` in the state
/// `pstate`.
#[must_use]
pub const fn external_abort(esr: u64, pstate: u64) -> u64 {
    let class = class(esr) + !is_user(pstate) as u64;
    let status = if is_walk(esr) { 0x14 | esr & 3 } else { 0x10 };
    let how = if class >= DATA && !is_walk(esr) { esr & (WNR | CACHE) } else { 0 };
    class << 26 | esr & IL | how | status
}

/// Returns where EL1 takes a synchronous exception out of a state.
#[must_use]
pub const fn vector(vbar: u64, pstate: u64) -> u64 {
    vbar + match pstate & 0x1f {
        0x04 => 0x000,
        0x05 => 0x200,
        0x00 => 0x400,
        _ => 0x600,
    }
}

/// Returns the state in which EL1 takes an exception out of the state `pstate`.
#[must_use]
pub const fn entry_state(pstate: u64, sctlr: u64, has_mte: bool) -> u64 {
    /// NZCV, DIT, PAN.
    const KEPT: u64 = 0xf << 28 | 1 << 24 | PAN;
    /// EL1 with a stack of its own, all masked.
    const EL1H: u64 = 0x3c5;
    const PAN: u64 = 1 << 22;
    const SSBS: u64 = 1 << 12;
    const ALLINT: u64 = 1 << 13;
    const TCO: u64 = 1 << 25;
    const SPAN: u64 = 1 << 23;
    const DSSBS: u64 = 1 << 44;
    const NMI: u64 = 1 << 61;
    const SPINTMASK: u64 = 1 << 62;
    // A state of AArch32 has other bits there.
    let kept = if pstate & 0x10 == 0 { KEPT } else { 0xf << 28 | PAN };
    let mut state = pstate & kept | EL1H;
    if sctlr & SPAN == 0 {
        state |= PAN;
    }
    if sctlr & DSSBS != 0 {
        state |= SSBS;
    }
    if sctlr & NMI != 0 && sctlr & SPINTMASK == 0 {
        state |= ALLINT;
    }
    if has_mte {
        state |= TCO;
    }
    state
}

/// Returns how the access was made, in words.
#[must_use]
pub const fn kind(esr: u64) -> &'static str {
    match () {
        () if class(esr) == FETCH => "fetch from",
        () if is_walk(esr) => "table walk into",
        () if esr & CACHE != 0 => "cache maintenance of",
        () if esr & WNR != 0 => "write to",
        () => "read of",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: u64 = DATA << 26 | IL | 7;

    #[test]
    fn an_abort_keeps_its_class_and_direction_and_nothing_of_stage_2() {
        assert_eq!(external_abort(READ, 0), 0x9200_0010, "a read, 32-bit instruction, from EL0");
        assert_eq!(external_abort(READ, 0x3c5), 0x9600_0010, "the same from EL1");
        assert_eq!(external_abort(READ | WNR, 0x3c5), 0x9600_0050);
        assert_eq!(external_abort(READ | CACHE | WNR, 0x3c5), 0x9600_0150);
        assert_eq!(external_abort(FETCH << 26 | IL | 7, 0x3c5), 0x8600_0010);
        assert_eq!(external_abort(READ | WALK | WNR, 0x3c5), 0x9600_0017, "a walk of level 3 writes nothing");
        // The register number and size that ISV promises are not EL1's to read.
        assert_eq!(external_abort(READ | 1 << 24 | 0x1f << 16, 0), 0x9200_0010);
    }

    #[test]
    fn an_exception_is_taken_at_the_vector_of_its_state() {
        let at = |pstate| vector(0x1_0000, pstate) - 0x1_0000;
        assert_eq!((at(0x3c4), at(0x3c5), at(0x0), at(0x10)), (0, 0x200, 0x400, 0x600));
    }

    #[test]
    fn the_state_of_entry_is_masked_and_keeps_flags() {
        let span = 1 << 23;
        assert_eq!(entry_state(0x6000_0000, span, false), 0x6000_03c5);
        assert_eq!(entry_state(0x0, 0, false), 0x0040_03c5, "PAN is set where SPAN is clear");
        assert_eq!(entry_state(0x0, span | 1 << 44, true), 0x0200_13c5, "SSBS by DSSBS, TCO with MTE");
        assert_eq!(entry_state(0x0020_0c00, span, false), 0x3c5, "no single step, no BTYPE");
        assert_eq!(entry_state(0x0, span | 1 << 61, false), 0x23c5, "interrupts that cannot be masked");
    }

    #[test]
    fn the_address_is_that_of_the_page_and_of_the_byte_where_it_is_known() {
        assert_eq!(address(READ, 0x84_3000, 0xffff_0000_0000_0123), 0x8430_0123);
        assert_eq!(address(READ | WALK, 0x84_3000, 0xffff_0000_0000_0123), 0x8430_0000);
    }
}
