//! Renesas SCIF and HSCIF (drivers/tty/serial/sh-sci.c, Linux 6.12). On RZ/G2L and newer the registers are
//! closer together.

use super::{Condition, Hardware, Layout, READY_TIME, Register, TimedOut, Uart};

const HAS_ROOM: u32 = 1 << 5;
const IS_IDLE: u32 = 1 << 6;
const ERRORS: u32 = 1 << 2 | 1 << 3;

/// Offsets of the data register, of a byte, and of the status register, of two.
struct Offsets {
    data: u64,
    status: u64,
}

const RCAR: Offsets = Offsets { data: 0x0c, status: 0x10 };
const RZ: Offsets = Offsets { data: 0x06, status: 0x08 };

impl Offsets {
    const fn status(&self) -> Register {
        Register { offset: self.status, width: 2 }
    }

    /// Sends byte by byte. Room is an event, cleared after each by writing zeros to it (`sci_poll_put_char`).
    fn write(&self, uart: &impl Hardware, text: &[u8]) -> Result<(), TimedOut> {
        for &byte in text {
            self.status().has(HAS_ROOM).wait(uart, READY_TIME)?;
            uart.write(self.data, 1, byte.into());
            uart.write(self.status, 2, 0xffff & !(HAS_ROOM | IS_IDLE | ERRORS));
        }
        Ok(())
    }

    #[cfg(test)]
    fn model(&self, fake: &super::fake::Fake, access: super::fake::Access) -> u32 {
        use super::fake::Access::{Read, Write};
        match access {
            Read(at, 2) if at == self.status => {
                // The event comes anew when the FIFO has sent some of its content.
                if !fake.is_full(16) {
                    fake.set_register(at, 0x20);
                }
                fake.register(at) | fake.flag(fake.is_empty(), 0x40)
            }
            Write(at, 1, byte) if at == self.data => fake.push(byte as u8),
            Write(at, 2, 0xff93) if at == self.status => fake.set_register(at, 0),
            other => fake.unexpected(other),
        }
    }
}

pub(super) struct Scif;

impl Uart for Scif {
    const COMPATIBLES: &'static [&'static str] = &["renesas,scif", "renesas,hscif"];
    const EARLYCONS: &'static [&'static str] = &["scif", "hscif"];
    const TTY: &'static str = "ttySC";

    fn write(uart: &impl Hardware, _: Layout, text: &[u8]) -> Result<(), TimedOut> {
        RCAR.write(uart, text)
    }

    fn is_idle(_: Layout) -> Condition {
        RCAR.status().has(IS_IDLE)
    }

    #[cfg(test)]
    fn model(fake: &super::fake::Fake, access: super::fake::Access) -> u32 {
        Offsets { data: 12, status: 16 }.model(fake, access)
    }
}

pub(super) struct RzScif;

impl Uart for RzScif {
    const COMPATIBLES: &'static [&'static str] =
        &["renesas,scif-r9a07g044", "renesas,scif-r9a09g057", "renesas,scif-r7s9210"];
    /// Linux finds them by their nodes alone.
    const EARLYCONS: &'static [&'static str] = &["rz-scif"];
    const TTY: &'static str = "ttySC";

    fn write(uart: &impl Hardware, _: Layout, text: &[u8]) -> Result<(), TimedOut> {
        RZ.write(uart, text)
    }

    fn is_idle(_: Layout) -> Condition {
        RZ.status().has(IS_IDLE)
    }

    #[cfg(test)]
    fn model(fake: &super::fake::Fake, access: super::fake::Access) -> u32 {
        Offsets { data: 6, status: 8 }.model(fake, access)
    }
}
