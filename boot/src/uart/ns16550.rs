//! 8250, 16550 and their kin (drivers/tty/serial/8250). They differ in how far their registers are apart.

use super::{Condition, Hardware, Layout, Register, TimedOut, Uart, send_each};

const DATA: u64 = 0;
const LINE_STATUS: u64 = 5;
const HAS_ROOM: u32 = 1 << 5;
const IS_EMPTY: u32 = 1 << 6;

/// Names of UARTs whose registers are words, which their nodes do not state: the Raspberry Pi's mini UART
/// (8250_bcm2835aux.c).
const WITH_WORDS: &[&str] = &["brcm,bcm2835-aux-uart", "bcm2835aux"];

pub(super) struct Ns16550;

impl Uart for Ns16550 {
    const COMPATIBLES: &'static [&'static str] =
        &["ns16550a", "ns16550", "ns8250", "snps,dw-apb-uart", "brcm,bcm2835-aux-uart"];
    const EARLYCONS: &'static [&'static str] = &["uart8250", "uart", "ns16550", "ns16550a", "bcm2835aux"];

    fn layout(name: &str) -> Layout {
        if WITH_WORDS.contains(&name) { Layout::WORDS } else { Layout::BYTES }
    }

    fn write(uart: &impl Hardware, layout: Layout, text: &[u8]) -> Result<(), TimedOut> {
        send_each(uart, text, register(LINE_STATUS, layout).has(HAS_ROOM), register(DATA, layout))
    }

    fn is_idle(layout: Layout) -> Condition {
        register(LINE_STATUS, layout).has(IS_EMPTY)
    }

    #[cfg(test)]
    fn model(fake: &super::fake::Fake, access: super::fake::Access) -> u32 {
        use super::fake::Access::{Read, Write};
        match access {
            Read(5, 1) | Read(0x14, 4) => {
                fake.flag(!fake.is_full(1), HAS_ROOM) | fake.flag(fake.is_empty(), IS_EMPTY)
            }
            Write(0, 1 | 4, byte) => fake.push(byte as u8),
            other => fake.unexpected(other),
        }
    }
}

fn register(number: u64, layout: Layout) -> Register {
    Register { offset: number << layout.shift, width: layout.width }
}
