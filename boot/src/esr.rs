//! Reads the exception syndrome register (DDI 0487, D24.2.40).

use core::fmt;

/// Exception class of a data abort taken without a change of exception level.
const DATA_ABORT_SAME_EL: u64 = 0x25;
/// Exception class of an instruction abort taken without a change of exception level.
const INSTRUCTION_ABORT_SAME_EL: u64 = 0x21;

/// A value of `ESR_EL1` or `ESR_EL2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Esr(pub u64);

impl Esr {
    /// Returns the syndrome without what describes the instruction (ISV to AR, bits 24:14), which EL2 may
    /// fill in and EL1 does not: the same fault reads the same at both levels.
    #[must_use]
    pub const fn reason(self) -> u64 {
        self.0 & !0x01ff_c000
    }

    /// Returns the exception class, bits 31:26.
    #[must_use]
    pub const fn class(self) -> u64 {
        (self.0 >> 26) & 0x3f
    }

    /// Returns whether the fault address register belongs to this exception.
    #[must_use]
    pub const fn has_address(self) -> bool {
        matches!(self.class(), DATA_ABORT_SAME_EL | INSTRUCTION_ABORT_SAME_EL) && self.0 & (1 << 10) == 0
    }

    /// Returns whether this is what reading an unmapped address must give: a data abort at the same level, by
    /// a read, because there is no translation.
    ///
    /// The syndrome at EL2 may also carry a valid ISS (ISV, bits 24:14), which does not describe the
    /// reason; so only the class, WnR and the fault status are looked at.
    #[must_use]
    pub const fn is_unmapped_read(self) -> bool {
        self.class() == DATA_ABORT_SAME_EL && self.0 & (1 << 6) == 0 && self.0 & 0x3c == 0x04
    }
}

impl fmt::Display for Esr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.class() {
            0x00 => "unknown instruction",
            0x07 => "floating point trapped",
            0x15 | 0x16 => "hypervisor call",
            0x17 => "secure monitor call",
            INSTRUCTION_ABORT_SAME_EL => "instruction abort",
            0x22 => "misaligned PC",
            DATA_ABORT_SAME_EL => "data abort",
            0x26 => "misaligned SP",
            0x2f => "SError",
            0x3c => "BRK",
            _ => "exception",
        };
        write!(f, "ESR {:#x}: {what}", self.reason())?;
        if !matches!(self.class(), DATA_ABORT_SAME_EL | INSTRUCTION_ABORT_SAME_EL) {
            return Ok(());
        }
        if self.class() == DATA_ABORT_SAME_EL {
            f.write_str(if self.0 & (1 << 6) == 0 { " on a read" } else { " on a write" })?;
        }
        let level = self.0 & 3;
        match self.0 & 0x3f {
            0x00..=0x03 => write!(f, ", address size fault at level {level}"),
            0x04..=0x07 => write!(f, ", nothing mapped at level {level}"),
            0x08..=0x0b => write!(f, ", access flag fault at level {level}"),
            0x0c..=0x0f => write!(f, ", permission fault at level {level}"),
            0x10 => f.write_str(", external abort"),
            0x14..=0x17 => f.write_str(", external abort on a table walk"),
            0x21 => f.write_str(", alignment fault"),
            0x30 => f.write_str(", TLB conflict"),
            other => write!(f, ", fault status {other:#x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_of_a_hole_is_what_a_probe_expects_at_both_levels() {
        for value in [0x9600_0006, 0x9600_0007, 0x97ca_8006, 0x97ca_8007] {
            assert!(Esr(value).is_unmapped_read(), "{value:#x}");
        }
    }

    #[test]
    fn other_faults_are_no_answer_to_a_probe() {
        let write = 0x9600_0047;
        let permission = 0x9600_000f;
        let external = 0x9600_0010;
        let instruction = 0x8600_0006;
        let from_below = 0x9200_0006;
        for value in [write, permission, external, instruction, from_below, 0] {
            assert!(!Esr(value).is_unmapped_read(), "{value:#x}");
        }
    }

    #[test]
    fn a_fault_reads_as_a_sentence() {
        assert_eq!(
            Esr(0x9600_0047).to_string(),
            "ESR 0x96000047: data abort on a write, nothing mapped at level 3"
        );
        assert_eq!(
            Esr(0x8600_000f).to_string(),
            "ESR 0x8600000f: instruction abort, permission fault at level 3"
        );
        assert_eq!(Esr(0x0200_0000).to_string(), "ESR 0x2000000: unknown instruction");
    }

    #[test]
    fn a_fault_at_el2_reads_as_at_el1() {
        assert_eq!(Esr(0x97ca_8006).reason(), 0x9600_0006);
        assert_eq!(Esr(0x9600_0047).reason(), 0x9600_0047);
    }

    #[test]
    fn the_fault_address_is_believed_only_when_it_is_valid() {
        assert!(Esr(0x9600_0006).has_address());
        assert!(!Esr(0x9600_0410).has_address(), "FnV set");
        assert!(!Esr(0x0200_0000).has_address());
    }
}
