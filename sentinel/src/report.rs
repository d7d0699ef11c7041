//! What the sentinel reports, and how it is worded: by the sentinel itself, which has no formatter, as by the
//! stage and the tool.

use crate::{inject, registers};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// An access to what is absent from stage 2.
    Access = 1,
    /// A firmware call that is denied; `address` is its number.
    Denied = 2,
    /// Something else that was trapped, and is undefined to EL1.
    Trapped = 3,
    /// A fault of the sentinel's own.
    Fault = 4,
    /// A processor with a feature that the sentinel does not know; `address` is its number.
    Refused = 5,
}

impl Kind {
    /// Returns the kind with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Access),
            2 => Some(Self::Denied),
            3 => Some(Self::Trapped),
            4 => Some(Self::Fault),
            5 => Some(Self::Refused),
            _ => None,
        }
    }
}

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub kind: Kind,
    /// The exception level that did it: 0 or 1.
    pub level: u8,
    /// Which hole was accessed.
    pub hole: Option<u16>,
    /// When, by CNTPCT_EL0.
    pub time: u64,
    /// The affinity of the processor, as in MPIDR_EL1.
    pub cpu: u64,
    /// The physical address.
    pub address: u64,
    /// The program counter.
    pub pc: u64,
    /// The virtual address.
    pub virtual_address: u64,
    /// The syndrome.
    pub esr: u64,
    /// How many events were not reported since the one before, because there were too many.
    pub dropped: u64,
}

/// Where a line goes, byte by byte.
pub trait Out {
    /// Takes a byte.
    fn byte(&mut self, byte: u8);

    /// Takes text.
    fn text(&mut self, text: &str) -> &mut Self {
        text.bytes().for_each(|byte| self.byte(byte));
        self
    }

    /// Takes a number in hexadecimal, with `0x`.
    fn hex(&mut self, value: u64) -> &mut Self {
        self.text("0x");
        let digits = (67 - (value | 1).leading_zeros()) / 4;
        for digit in (0..digits).rev() {
            let nibble = (value >> (digit * 4) & 0xf) as u8;
            self.byte(if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble });
        }
        self
    }

    /// Takes a number in decimal.
    fn number(&mut self, value: u64) -> &mut Self {
        let mut unit = 1;
        while value / 10 >= unit {
            unit *= 10;
        }
        while unit > 0 {
            self.byte(b'0' + (value / unit % 10) as u8);
            unit /= 10;
        }
        self
    }
}

impl Event {
    /// Writes the event as a line without an end. `name` is that of its hole.
    pub fn write(&self, name: Option<&str>, out: &mut impl Out) {
        out.text("sentinel: ");
        match self.kind {
            Kind::Access => self.write_access(name, out),
            Kind::Denied => drop(out.text("denied firmware call ").hex(self.address)),
            Kind::Trapped => drop(out.text("trapped, which is undefined to Linux")),
            Kind::Fault => drop(out.text("fault of its own at EL2, FAR ").hex(self.virtual_address)),
            Kind::Refused => {
                out.text("a processor has ").text(registers::feature(self.address as u8));
            }
        }
        out.text(", PC ").hex(self.pc);
        if self.kind == Kind::Access {
            out.text(", VA ").hex(self.virtual_address);
        }
        out.text(", CPU ").hex(self.cpu).text(", ESR ").hex(self.esr);
        if self.dropped > 0 {
            out.text(", ").number(self.dropped).text(" before it not reported");
        }
    }

    fn write_access(&self, name: Option<&str>, out: &mut impl Out) {
        out.text(if self.level == 0 { "EL0 " } else { "EL1 " });
        out.text(inject::kind(self.esr)).text(" ");
        match name {
            Some(name) => out.text("carveout ").text(name),
            None => out.text("the sentinel's own memory, or beyond the map,"),
        };
        out.text(" at ").hex(self.address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    impl Out for String {
        fn byte(&mut self, byte: u8) {
            self.push(byte.into());
        }
    }

    fn line(event: Event, name: Option<&str>) -> String {
        let mut line = String::new();
        event.write(name, &mut line);
        line
    }

    const READ: Event = Event {
        kind: Kind::Access,
        level: 0,
        hole: Some(0),
        time: 0,
        cpu: 3,
        address: 0x8430_0000,
        pc: 0x41_22c4,
        virtual_address: 0xffff_9c1e_0000,
        esr: 0x9200_0007,
        dropped: 0,
    };

    #[test]
    fn an_access_is_named_with_carveout_address_pc_and_processor() {
        assert_eq!(
            line(READ, Some("camera@84300000")),
            "sentinel: EL0 read of carveout camera@84300000 at 0x84300000, PC 0x4122c4, VA 0xffff9c1e0000, \
             CPU 0x3, ESR 0x92000007"
        );
        let write = Event { level: 1, esr: 0x9600_0047, dropped: 12, ..READ };
        let text = line(write, Some("camera"));
        assert!(text.starts_with("sentinel: EL1 write to carveout camera at 0x84300000, PC"), "{text}");
        assert!(text.ends_with(", 12 before it not reported"), "{text}");
    }

    #[test]
    fn everything_else_is_named_too() {
        let denied = line(Event { kind: Kind::Denied, address: 0xc400_0020, ..READ }, None);
        assert!(denied.starts_with("sentinel: denied firmware call 0xc4000020, PC"), "{denied}");
        let refused = line(Event { kind: Kind::Refused, address: 2, ..READ }, None);
        assert!(refused.starts_with("sentinel: a processor has GICv5"), "{refused}");
        assert!(line(READ, None).contains("own memory"));
    }

    #[test]
    fn numbers_are_written_whole() {
        let hex = |value| {
            let mut text = String::new();
            text.hex(value).text(" ").number(value);
            text
        };
        assert_eq!(hex(0), "0x0 0");
        assert_eq!(hex(u64::MAX), "0xffffffffffffffff 18446744073709551615");
        assert_eq!(hex(0x1000), "0x1000 4096");
    }
}
