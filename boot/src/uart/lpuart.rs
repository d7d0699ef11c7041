//! Low-power UARTs of Layerscape and i.MX (drivers/tty/serial/fsl_lpuart.c, Linux 6.12): the same registers,
//! on i.MX after four others.

use super::{Condition, Hardware, Layout, Register, TimedOut, Uart, send_each};

const STATUS: u64 = 0x04;
const EMPTY: u32 = 1 << 23;
const COMPLETE: u32 = 1 << 22;
const DATA: u64 = 0x0c;

/// Bytes of the registers that i.MX has before the others.
const IMX: u64 = 0x10;

pub(super) struct Lpuart;

impl Uart for Lpuart {
    const COMPATIBLES: &'static [&'static str] = &["fsl,ls1028a-lpuart"];
    const EARLYCONS: &'static [&'static str] = &["lpuart32"];
    const TTY: &'static str = "ttyLP";

    fn write(uart: &impl Hardware, _: Layout, text: &[u8]) -> Result<(), TimedOut> {
        send_each(uart, text, Register::word(STATUS).has(EMPTY), Register::word(DATA))
    }

    fn is_idle(_: Layout) -> Condition {
        Register::word(STATUS).has(COMPLETE)
    }

    #[cfg(test)]
    fn model(fake: &super::fake::Fake, access: super::fake::Access) -> u32 {
        model(fake, access, 0)
    }
}

pub(super) struct ImxLpuart;

impl Uart for ImxLpuart {
    const COMPATIBLES: &'static [&'static str] =
        &["fsl,imx7ulp-lpuart", "fsl,imx8ulp-lpuart", "fsl,imx8qxp-lpuart"];
    /// Linux has none: with its `lpuart32` one states the address of the first register that both have.
    const EARLYCONS: &'static [&'static str] = &["imx-lpuart"];
    const TTY: &'static str = "ttyLP";

    fn write(uart: &impl Hardware, _: Layout, text: &[u8]) -> Result<(), TimedOut> {
        send_each(uart, text, Register::word(IMX + STATUS).has(EMPTY), Register::word(IMX + DATA))
    }

    fn is_idle(_: Layout) -> Condition {
        Register::word(IMX + STATUS).has(COMPLETE)
    }

    #[cfg(test)]
    fn model(fake: &super::fake::Fake, access: super::fake::Access) -> u32 {
        model(fake, access, 0x10)
    }
}

#[cfg(test)]
fn model(fake: &super::fake::Fake, access: super::fake::Access, offset: u64) -> u32 {
    use super::fake::Access::{Read, Write};
    match access {
        Read(at, 4) if at == offset + 4 => {
            fake.flag(!fake.is_full(1), 0x80_0000) | fake.flag(fake.is_empty(), 0x40_0000)
        }
        Write(at, 4, byte) if at == offset + 12 => fake.push(byte as u8),
        other => fake.unexpected(other),
    }
}
