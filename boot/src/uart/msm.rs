//! Qualcomm MSM UART with a data mover, older than GENI (drivers/tty/serial/msm_serial.c, Linux 6.12).

use super::{Condition, Hardware, Layout, READY_TIME, Register, TimedOut, Uart};

const STATUS: Register = Register::word(0x08);
const READY: u32 = 1 << 2;
const EMPTY: u32 = 1 << 3;
const COMMAND: u64 = 0x10;
const RESET_RECEIVER: u32 = 1 << 4;
const RESET_TRANSMITTER: u32 = 2 << 4;
const RESET_READY_EVENT: u32 = 3 << 8;
const ENABLE_TRANSMITTER: u32 = 1 << 2;
const DATA_MOVER: u64 = 0x3c;
const COUNT: u64 = 0x40;
const FIFO: u64 = 0x70;

/// Bytes in a word of the FIFO.
const WORD: usize = 4;

pub(super) struct Msm;

impl Uart for Msm {
    const COMPATIBLES: &'static [&'static str] = &["qcom,msm-uartdm"];
    const EARLYCONS: &'static [&'static str] = &["msm_serial_dm"];
    const TTY: &'static str = "ttyMSM";

    /// Leaves the data mover, in which the FIFO is not filled by the processor.
    fn open(uart: &impl Hardware) {
        // What the loader wrote last would be lost with the reset. One that is stuck is found out later.
        let _ = STATUS.has(EMPTY).wait(uart, READY_TIME);
        uart.write(DATA_MOVER, 4, 0);
        for command in [RESET_RECEIVER, RESET_TRANSMITTER, ENABLE_TRANSMITTER] {
            uart.write(COMMAND, 4, command);
        }
    }

    /// Sends `text` after its length, which the FIFO takes once it has sent what was announced before.
    fn write(uart: &impl Hardware, _: Layout, text: &[u8]) -> Result<(), TimedOut> {
        if text.is_empty() {
            return Ok(());
        }
        STATUS.has(EMPTY).wait(uart, READY_TIME)?;
        uart.write(COMMAND, 4, RESET_READY_EVENT);
        uart.write(COUNT, 4, text.len() as u32);
        // The length takes effect once it is read back.
        let _ = uart.read(COUNT, 4);
        for bytes in text.chunks(WORD) {
            STATUS.has(READY).wait(uart, READY_TIME)?;
            let word = bytes.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte));
            uart.write(FIFO, 4, word);
        }
        Ok(())
    }

    fn is_idle(_: Layout) -> Condition {
        STATUS.has(EMPTY)
    }

    #[cfg(test)]
    fn model(fake: &super::fake::Fake, access: super::fake::Access) -> u32 {
        use super::fake::Access::{Read, Write};
        match access {
            Read(0x08, 4) => fake.flag(!fake.is_full(4), 0x4) | fake.flag(fake.is_empty(), 0x8),
            Read(0x40, 4) => fake.register(0x40),
            Write(0x3c, 4, 0) => 0,
            Write(0x10, 4, 0x20) => fake.discard(),
            Write(0x10, 4, _) => 0,
            Write(0x40, 4, count) => {
                assert_eq!(fake.register(0x40), 0, "announced before the last text was written");
                fake.set_register(0x40, count)
            }
            Write(0x70, 4, word) => {
                let count = fake.register(0x40);
                assert_ne!(count, 0, "not announced");
                let bytes = count.min(4);
                fake.push_all(&word.to_le_bytes()[..bytes as usize]);
                fake.set_register(0x40, count - bytes)
            }
            other => fake.unexpected(other),
        }
    }
}
