//! Amlogic Meson UART (drivers/tty/serial/meson_uart.c, Linux 6.12).

use super::{Condition, Hardware, Layout, Register, TimedOut, Uart, send_each};

const DATA: Register = Register::word(0x00);
const CONTROL: u64 = 0x08;
const ENABLE_TRANSMITTER: u32 = 1 << 12;
const STATUS: Register = Register::word(0x0c);
const FULL: u32 = 1 << 21;
const EMPTY: u32 = 1 << 22;
const BUSY: u32 = 1 << 25;

pub(super) struct Meson;

impl Uart for Meson {
    const COMPATIBLES: &'static [&'static str] = &["amlogic,meson-ao-uart", "amlogic,meson-s4-uart"];
    const EARLYCONS: &'static [&'static str] = &["meson"];
    const TTY: &'static str = "ttyAML";

    fn open(uart: &impl Hardware) {
        uart.write(CONTROL, 4, uart.read(CONTROL, 4) | ENABLE_TRANSMITTER);
    }

    fn write(uart: &impl Hardware, _: Layout, text: &[u8]) -> Result<(), TimedOut> {
        send_each(uart, text, STATUS.lacks(FULL), DATA)
    }

    fn is_idle(_: Layout) -> Condition {
        Condition { register: STATUS, mask: EMPTY | BUSY, value: EMPTY }
    }

    #[cfg(test)]
    fn model(fake: &super::fake::Fake, access: super::fake::Access) -> u32 {
        use super::fake::Access::{Read, Write};
        match access {
            Read(0x08, 4) => fake.register(0x08),
            Write(0x08, 4, control) => fake.set_register(0x08, control),
            Read(0x0c, 4) => {
                let sending = if fake.is_empty() { 0x40_0000 } else { 0x200_0000 };
                sending | fake.flag(fake.is_full(1), 0x20_0000)
            }
            Write(0x00, 4, byte) => {
                assert_ne!(fake.register(0x08) & 0x1000, 0, "not enabled");
                fake.push(byte as u8)
            }
            other => fake.unexpected(other),
        }
    }
}
