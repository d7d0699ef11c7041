//! Cadence UART (Zynq UltraScale+ register reference, UG1087; drivers/tty/serial/xilinx_uartps.c).

use super::{Condition, Hardware, Layout, Register, TimedOut, Uart, send_each};

const CONTROL: u64 = 0x00;
const ENABLE_TRANSMITTER: u32 = 1 << 4;
const DISABLE_TRANSMITTER: u32 = 1 << 5;
const STATUS: Register = Register::word(0x2c);
const EMPTY: u32 = 1 << 3;
const FULL: u32 = 1 << 4;
const ACTIVE: u32 = 1 << 11;
const FIFO: Register = Register::word(0x30);

pub(super) struct Cadence;

impl Uart for Cadence {
    const COMPATIBLES: &'static [&'static str] =
        &["cdns,uart-r1p8", "cdns,uart-r1p12", "xlnx,xuartps", "xlnx,zynqmp-uart"];
    const EARLYCONS: &'static [&'static str] = &["cdns"];
    const TTY: &'static str = "ttyPS";

    /// Where no loader has used it, it starts closed and swallows what is written.
    fn open(uart: &impl Hardware) {
        let control = uart.read(CONTROL, 4);
        if control & ENABLE_TRANSMITTER == 0 {
            uart.write(CONTROL, 4, control & !DISABLE_TRANSMITTER | ENABLE_TRANSMITTER);
        }
    }

    fn write(uart: &impl Hardware, _: Layout, text: &[u8]) -> Result<(), TimedOut> {
        send_each(uart, text, STATUS.lacks(FULL), FIFO)
    }

    fn is_idle(_: Layout) -> Condition {
        Condition { register: STATUS, mask: EMPTY | ACTIVE, value: EMPTY }
    }

    #[cfg(test)]
    fn model(fake: &super::fake::Fake, access: super::fake::Access) -> u32 {
        use super::fake::Access::{Read, Write};
        match access {
            Read(0x00, 4) => fake.register(0x00),
            Write(0x00, 4, control) => fake.set_register(0x00, control),
            Read(0x2c, 4) => {
                let sending = if fake.is_empty() { 0x8 } else { 0x800 };
                sending | fake.flag(fake.is_full(1), 0x10)
            }
            Write(0x30, 4, byte) => {
                assert_ne!(fake.register(0x00) & 0x10, 0, "swallowed");
                fake.push(byte as u8)
            }
            other => fake.unexpected(other),
        }
    }
}
