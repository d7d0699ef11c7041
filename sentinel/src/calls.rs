//! Which firmware calls of Linux pass (Arm DEN0028 for the numbers, DEN0022 for PSCI).
//!
//! Denied is what would have the firmware enter code of EL1 at EL2, and what is none of the firmware's.

use crate::abi::allow;

/// NOT_SUPPORTED of PSCI and of SMCCC.
pub const NOT_SUPPORTED: u64 = u64::MAX;
/// INVALID_PARAMETERS of PSCI.
pub const INVALID_PARAMETERS: u64 = u64::MAX - 1;
/// SYSTEM_OFF.
pub const SYSTEM_OFF: u32 = 0x8400_0008;
/// SYSTEM_RESET.
pub const SYSTEM_RESET: u32 = 0x8400_0009;
/// CPU_OFF.
pub const CPU_OFF: u32 = 0x8400_0002;

/// Set in the number of a call with arguments of 64 bits.
pub const SMC64: u32 = 1 << 30;
const FAST: u32 = 1 << 31;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// It passes as it is.
    Forward,
    /// CPU_ON: the entry in x2 is replaced.
    CpuOn,
    /// A suspend: the entry in this register is replaced, and the context is in the next.
    Suspend(usize),
    /// It asks in x1 whether another call is supported, which a denied one is not.
    Features,
    /// It is denied.
    Deny,
}

/// Decides about a call by its number; `allowed` has the flags of [`allow`].
#[must_use]
pub const fn classify(id: u32, allowed: u64) -> Call {
    let function = id & 0xffff;
    match id >> 24 & 0x3f {
        // Arm architecture calls.
        0 if function == 1 => Call::Features,
        // The processor's, the SoC's, the board's.
        0 | 1 | 3 => Call::Forward,
        2 => match function {
            0x20 if id & FAST != 0 && allowed & allow::AMLOGIC_MEMORY == 0 => Call::Deny,
            // qcom_scm_set_boot_addr and its form for several clusters (drivers/firmware/qcom).
            0x101 | 0x111 if allowed & allow::NO_QUALCOMM == 0 => Call::Deny,
            _ => Call::Forward,
        },
        4 if id & FAST != 0 => standard(function),
        // Trusted applications and the trusted operating system.
        4 | 0x30..=0x3f => Call::Forward,
        // A hypervisor's, and reserved ones.
        _ => Call::Deny,
    }
}

/// Decides about a standard secure call.
const fn standard(function: u32) -> Call {
    match function {
        // CPU_SUSPEND, and CPU_DEFAULT_SUSPEND and SYSTEM_SUSPEND, which have no power state before the
        // entry.
        0x01 => Call::Suspend(2),
        0x0c | 0x0e => Call::Suspend(1),
        0x03 => Call::CpuOn,
        0x0a => Call::Features,
        // SDEI: handlers. DRTM: a new launch.
        0x20..=0x3f | 0x110..=0x11f => Call::Deny,
        _ => Call::Forward,
    }
}

/// Returns an argument as wide as the call's are.
#[must_use]
pub const fn narrow(id: u32, value: u64) -> u64 {
    if id & SMC64 == 0 { value & 0xffff_ffff } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_enters_code_is_replaced_in_both_widths() {
        for wide in [0, SMC64] {
            assert_eq!(classify(0x8400_0003 | wide, 0), Call::CpuOn);
            assert_eq!(classify(0x8400_0001 | wide, 0), Call::Suspend(2));
            assert_eq!(classify(0x8400_000c | wide, 0), Call::Suspend(1));
            assert_eq!(classify(0x8400_000e | wide, 0), Call::Suspend(1));
            assert_eq!(classify(0x8400_0020 | wide, 0), Call::Deny, "SDEI_VERSION");
            assert_eq!(classify(0x8400_0114 | wide, 0), Call::Deny, "DRTM");
            assert_eq!(classify(0x8200_0020 | wide, 0), Call::Deny, "the execution state");
            assert_eq!(classify(0x8600_0000 | wide, 0), Call::Deny, "a hypervisor's");
        }
    }

    #[test]
    fn what_linux_needs_passes() {
        for id in [0x8400_0000, 0x8400_0008, 0x8400_0009, 0xc400_0004, 0x8400_0002, 0x8000_0000, 0x8000_8000]
        {
            assert_eq!(classify(id, 0), Call::Forward, "{id:#x}");
        }
        for id in [0x8400_0050, 0xc400_0053, 0x8400_0063, 0xb200_0001, 0x3200_0003, 0x8200_ff01, 0x0200_0020]
        {
            assert_eq!(classify(id, 0), Call::Forward, "{id:#x}");
        }
        assert_eq!((classify(0x8400_000a, 0), classify(0x8000_0001, 0)), (Call::Features, Call::Features));
    }

    #[test]
    fn what_means_something_else_on_a_board_passes_there() {
        assert_eq!(classify(0x8200_0020, allow::AMLOGIC_MEMORY), Call::Forward);
        for id in [0x4200_0101, 0xc200_0111, 0x0200_0101] {
            assert_eq!((classify(id, 0), classify(id, allow::NO_QUALCOMM)), (Call::Deny, Call::Forward));
        }
    }

    #[test]
    fn every_number_has_an_answer_and_reserved_owners_none() {
        for owner in (5..0x30).filter(|owner| *owner != 5) {
            assert_eq!(classify(0x8000_0000 | owner << 24, u64::MAX), Call::Deny, "owner {owner}");
        }
    }
}
