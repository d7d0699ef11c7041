//! Samsung UARTs of Exynos, and of what is made of them (drivers/tty/serial/samsung_tty.c, Linux 6.12).

use super::{Condition, Hardware, Layout, Register, TimedOut, Uart, send_each};

const FIFO_CONTROL: u64 = 0x08;
const FIFO_MODE: u32 = 1 << 0;
const STATUS: Register = Register::word(0x10);
const BUFFER_EMPTY: u32 = 1 << 1;
const IDLE: u32 = 1 << 2;
const FIFO_STATUS: Register = Register::word(0x18);
const FIFO_FULL: u32 = 1 << 24;
const DATA: u64 = 0x20;

/// Names of UARTs that take words alone.
const WITH_WORDS: &[&str] = &["google,gs101-uart", "gs101"];

pub(super) struct Exynos;

impl Uart for Exynos {
    const COMPATIBLES: &'static [&'static str] = &[
        "samsung,exynos4210-uart",
        "samsung,exynos5433-uart",
        "samsung,exynos850-uart",
        "samsung,s5pv210-uart",
        "axis,artpec8-uart",
        "google,gs101-uart",
    ];
    const EARLYCONS: &'static [&'static str] = &["exynos4210", "s5pv210", "artpec8", "gs101"];
    const TTY: &'static str = "ttySAC";

    fn layout(name: &str) -> Layout {
        if WITH_WORDS.contains(&name) { Layout::WORDS } else { Layout::BYTES }
    }

    fn write(uart: &impl Hardware, layout: Layout, text: &[u8]) -> Result<(), TimedOut> {
        let has_fifo = uart.read(FIFO_CONTROL, 4) & FIFO_MODE != 0;
        let is_room = if has_fifo { FIFO_STATUS.lacks(FIFO_FULL) } else { STATUS.has(BUFFER_EMPTY) };
        send_each(uart, text, is_room, Register { offset: DATA, width: layout.width })
    }

    fn is_idle(_: Layout) -> Condition {
        STATUS.has(IDLE)
    }

    #[cfg(test)]
    fn model(fake: &super::fake::Fake, access: super::fake::Access) -> u32 {
        use super::fake::Access::{Read, Write};
        match access {
            Read(0x08, 4) => 1,
            Read(0x10, 4) => fake.flag(fake.is_empty(), 0x4 | 0x2),
            Read(0x18, 4) => fake.flag(fake.is_full(1), 0x100_0000),
            Write(0x20, 1 | 4, byte) => fake.push(byte as u8),
            other => fake.unexpected(other),
        }
    }
}
