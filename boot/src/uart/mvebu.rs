//! Marvell Armada 3700 UART (drivers/tty/serial/mvebu-uart.c, Linux 6.12).

use super::{Condition, Hardware, Layout, Register, TimedOut, Uart, send_each};

const DATA: Register = Register::word(0x04);
const STATUS: Register = Register::word(0x0c);
const EMPTY: u32 = 1 << 6;
const FULL: u32 = 1 << 11;

pub(super) struct Mvebu;

impl Uart for Mvebu {
    const COMPATIBLES: &'static [&'static str] = &["marvell,armada-3700-uart"];
    const EARLYCONS: &'static [&'static str] = &["ar3700_uart"];
    const TTY: &'static str = "ttyMV";

    fn write(uart: &impl Hardware, _: Layout, text: &[u8]) -> Result<(), TimedOut> {
        send_each(uart, text, STATUS.lacks(FULL), DATA)
    }

    fn is_idle(_: Layout) -> Condition {
        STATUS.has(EMPTY)
    }

    #[cfg(test)]
    fn model(fake: &super::fake::Fake, access: super::fake::Access) -> u32 {
        use super::fake::Access::{Read, Write};
        match access {
            Read(0x0c, 4) => fake.flag(fake.is_full(1), 0x800) | fake.flag(fake.is_empty(), 0x40),
            Write(0x04, 4, byte) => fake.push(byte as u8),
            other => fake.unexpected(other),
        }
    }
}
