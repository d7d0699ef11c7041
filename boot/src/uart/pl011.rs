//! Arm PrimeCell UART (DDI 0183), and the SBSA's subset of it (drivers/tty/serial/amba-pl011.c).

use super::{Condition, Hardware, Layout, Register, TimedOut, Uart, send_each};

const DATA: Register = Register::word(0x00);
const FLAGS: Register = Register::word(0x18);
const BUSY: u32 = 1 << 3;
const FULL: u32 = 1 << 5;

pub(super) struct Pl011;

impl Uart for Pl011 {
    const COMPATIBLES: &'static [&'static str] = &["arm,pl011", "arm,sbsa-uart"];
    const EARLYCONS: &'static [&'static str] = &["pl011"];
    const TTY: &'static str = "ttyAMA";

    fn write(uart: &impl Hardware, _: Layout, text: &[u8]) -> Result<(), TimedOut> {
        send_each(uart, text, FLAGS.lacks(FULL), DATA)
    }

    fn is_idle(_: Layout) -> Condition {
        FLAGS.lacks(BUSY)
    }

    #[cfg(test)]
    fn model(fake: &super::fake::Fake, access: super::fake::Access) -> u32 {
        use super::fake::Access::{Read, Write};
        match access {
            Read(0x18, 4) => fake.flag(fake.is_full(1), 0x20) | fake.flag(!fake.is_empty(), 0x8),
            Write(0x00, 4, byte) => fake.push(byte as u8),
            other => fake.unexpected(other),
        }
    }
}
