//! i.MX UART (drivers/tty/serial/imx_earlycon.c and imx.c, Linux 6.12).

use super::{Condition, Hardware, Layout, Register, TimedOut, Uart, send_each};

const DATA: Register = Register::word(0x40);
const STATUS: Register = Register::word(0x98);
const COMPLETE: u32 = 1 << 3;
const TEST: Register = Register::word(0xb4);
const FULL: u32 = 1 << 4;

pub(super) struct Imx;

impl Uart for Imx {
    const COMPATIBLES: &'static [&'static str] = &["fsl,imx6q-uart", "fsl,imx21-uart"];
    const EARLYCONS: &'static [&'static str] = &["ec_imx6q", "ec_imx21"];
    const TTY: &'static str = "ttymxc";

    fn write(uart: &impl Hardware, _: Layout, text: &[u8]) -> Result<(), TimedOut> {
        send_each(uart, text, TEST.lacks(FULL), DATA)
    }

    fn is_idle(_: Layout) -> Condition {
        STATUS.has(COMPLETE)
    }

    #[cfg(test)]
    fn model(fake: &super::fake::Fake, access: super::fake::Access) -> u32 {
        use super::fake::Access::{Read, Write};
        match access {
            Read(0x98, 4) => fake.flag(fake.is_empty(), 0x8),
            Read(0xb4, 4) => fake.flag(fake.is_full(1), 0x10),
            Write(0x40, 4, byte) => fake.push(byte as u8),
            other => fake.unexpected(other),
        }
    }
}
