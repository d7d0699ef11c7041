//! Qualcomm GENI debug UART (drivers/tty/serial/qcom_geni_serial.c, Linux 6.12).
//!
//! Its transmitter works by commands: one announces how many bytes will come, and is done once all of them
//! have left.

use super::{Condition, Hardware, Layout, READY_TIME, Register, TimedOut, Uart};

const STATUS: Register = Register::word(0x40);
const COMMAND_ACTIVE: u32 = 1;
const TRANSFER_LEN: u64 = 0x270;
const COMMAND: u64 = 0x600;
const START_TRANSMIT: u32 = 1 << 27;
const CONTROL: u64 = 0x604;
const ABORT: u32 = 1 << 1;
const EVENTS: Register = Register::word(0x610);
const CLEAR_EVENTS: u64 = 0x618;
const COMMAND_DONE: u32 = 1 << 0;
const COMMAND_ABORTED: u32 = 1 << 5;
const BELOW_WATERMARK: u32 = 1 << 30;
const FIFO: u64 = 0x700;
const WATERMARK: u64 = 0x80c;

/// Words in the FIFO below which there is an event. The FIFO has 16.
const WATERMARK_WORDS: u32 = 2;
/// Bytes in a word of the FIFO.
const WORD: usize = 4;
/// Words that fit into the FIFO after the event, with as much room to spare as Linux leaves.
const WORDS_AT_A_TIME: usize = 7;

/// How long the last 64 bytes of a command may take to leave, and it to end when it is aborted, in
/// microseconds: at 115,200 baud, the rate of all debug UARTs, 5,556.
const SETTLE_TIME: u64 = READY_TIME / 2;

pub(super) struct Geni;

impl Uart for Geni {
    const COMPATIBLES: &'static [&'static str] = &["qcom,geni-debug-uart"];
    const EARLYCONS: &'static [&'static str] = &["qcom_geni"];
    const LEN: u64 = WATERMARK + 4;
    const TTY: &'static str = "ttyMSM";

    fn is_idle(_: Layout) -> Condition {
        STATUS.lacks(COMMAND_ACTIVE)
    }

    /// Sends `text` by one command.
    fn write(uart: &impl Hardware, _: Layout, text: &[u8]) -> Result<(), TimedOut> {
        if text.is_empty() {
            return Ok(());
        }
        settle(uart)?;
        uart.write(WATERMARK, 4, WATERMARK_WORDS);
        uart.write(TRANSFER_LEN, 4, text.len() as u32);
        uart.write(COMMAND, 4, START_TRANSMIT);
        for words in text.chunks(WORDS_AT_A_TIME * WORD) {
            EVENTS.has(BELOW_WATERMARK).wait(uart, READY_TIME)?;
            for bytes in words.chunks(WORD) {
                let word = bytes.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte));
                uart.write(FIFO, 4, word);
            }
            uart.write(CLEAR_EVENTS, 4, BELOW_WATERMARK);
        }
        Ok(())
    }

    #[cfg(test)]
    fn model(fake: &super::fake::Fake, access: super::fake::Access) -> u32 {
        use super::fake::Access::{Read, Write};
        match access {
            Read(0x40, 4) => {
                let is_done = fake.register(0x270) == 0 && fake.is_empty();
                fake.flag(!is_done, 1) | fake.register(0x40)
            }
            Write(0x80c, 4, _) => 0,
            Write(0x604, 4, 0x2) => {
                fake.set_register(0x40, 0);
                fake.set_register(0x610, 0x20)
            }
            Write(0x618, 4, events) => fake.set_register(0x610, fake.register(0x610) & !events),
            Write(0x270, 4, len) => {
                assert!(fake.is_empty() && fake.register(0x270) == 0, "a command is active");
                assert_eq!(fake.register(0x40) | fake.register(0x610), 0, "an event is left over");
                fake.set_register(0x270, len)
            }
            Write(0x600, 4, 0x800_0000) => 0,
            Read(0x610, 4) => fake.flag(!fake.is_full(14 * 4), 0x4000_0000) | fake.register(0x610),
            Write(0x700, 4, word) => {
                let len = fake.register(0x270);
                let bytes = len.min(4);
                assert_ne!(bytes, 0, "not announced");
                fake.push_all(&word.to_le_bytes()[..bytes as usize]);
                fake.set_register(0x270, len - bytes)
            }
            other => fake.unexpected(other),
        }
    }
}

/// Waits for the end of the command before, the loader's or our own, and aborts one that does not end.
fn settle(uart: &impl Hardware) -> Result<(), TimedOut> {
    if STATUS.lacks(COMMAND_ACTIVE).wait(uart, SETTLE_TIME).is_err() {
        uart.write(CONTROL, 4, ABORT);
        EVENTS.has(COMMAND_ABORTED).wait(uart, SETTLE_TIME)?;
    }
    // What is left over would be taken for the end of the next command.
    uart.write(CLEAR_EVENTS, 4, COMMAND_DONE | COMMAND_ABORTED);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::uart::fake::Fake;
    use crate::uart::{Hardware, Kind, Layout, READY_TIME};

    #[test]
    fn a_command_of_the_loader_that_never_ends_is_aborted() {
        let uart = Fake::new(Kind::Geni);
        uart.set_register(0x40, 1);
        Kind::Geni.write(&uart, Layout::BYTES, b"ringfence").unwrap();
        assert_eq!(uart.text(), b"ringfence");
        assert!(uart.microseconds() < READY_TIME);
    }

    #[test]
    fn the_end_of_the_command_before_is_not_taken_for_that_of_the_next() {
        let uart = Fake::new(Kind::Geni);
        uart.set_register(0x610, 1);
        Kind::Geni.write(&uart, Layout::BYTES, b"ringfence").unwrap();
        assert_eq!(uart.text(), b"ringfence");
    }
}
