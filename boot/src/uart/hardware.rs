//! What a driver needs of the machine: the registers of its device, and the time.

/// Registers of a device by their offset in bytes, and a clock.
pub trait Hardware {
    /// Reads a register of `width` bytes (1, 2 or 4).
    fn read(&self, offset: u64, width: u32) -> u32;

    /// Writes a register of `width` bytes (1, 2 or 4).
    fn write(&self, offset: u64, width: u32, value: u32);

    /// Returns the time since some fixed moment, in microseconds.
    fn microseconds(&self) -> u64;
}

/// Says that a UART did not get ready in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut;

/// How long a UART may take until there is room for a byte, in microseconds: at 9600 baud a byte takes 1,042.
/// Linux waits as long for a GENI (drivers/tty/serial/qcom_geni_serial.c, 6.12: `qcom_geni_serial_poll_bit`).
pub const READY_TIME: u64 = 20_000;

/// How long the last bytes may take to leave, in microseconds: 64 of them at 9600 baud take 66,667.
pub const DRAIN_TIME: u64 = 100_000;

/// How often a device is polled while the counter stands still, which must not hang the boot either.
const MAX_POLLS: u32 = 1_000_000;

/// A register of a device.
#[derive(Clone, Copy, Debug)]
pub struct Register {
    /// Bytes from the first register.
    pub offset: u64,
    /// Bytes in one access: 1, 2 or 4.
    pub width: u32,
}

impl Register {
    /// Names a register of four bytes.
    #[must_use]
    pub const fn word(offset: u64) -> Self {
        Self { offset, width: 4 }
    }

    /// Returns the condition that all of `bits` are set.
    #[must_use]
    pub const fn has(self, bits: u32) -> Condition {
        Condition { register: self, mask: bits, value: bits }
    }

    /// Returns the condition that none of `bits` is set.
    #[must_use]
    pub const fn lacks(self, bits: u32) -> Condition {
        Condition { register: self, mask: bits, value: 0 }
    }
}

/// What a status register must read as: `value` in the bits of `mask`.
#[derive(Clone, Copy, Debug)]
pub struct Condition {
    /// The register.
    pub register: Register,
    /// The bits that count.
    pub mask: u32,
    /// Their value.
    pub value: u32,
}

impl Condition {
    /// Returns whether it holds now.
    #[inline(always)]
    pub fn holds(self, uart: &impl Hardware) -> bool {
        uart.read(self.register.offset, self.register.width) & self.mask == self.value
    }

    /// Waits until it holds.
    ///
    /// # Errors
    /// [`TimedOut`] after `limit` microseconds.
    #[inline(always)]
    pub fn wait(self, uart: &impl Hardware, limit: u64) -> Result<(), TimedOut> {
        // The clock is not read for a device that is ready, as most are most of the time.
        if self.holds(uart) { Ok(()) } else { self.wait_long(uart, limit) }
    }

    #[cold]
    fn wait_long(self, uart: &impl Hardware, limit: u64) -> Result<(), TimedOut> {
        let start = uart.microseconds();
        let mut standstill = 0;
        while !self.holds(uart) {
            let passed = uart.microseconds().wrapping_sub(start);
            standstill = if passed == 0 { standstill + 1 } else { 0 };
            if passed >= limit || standstill == MAX_POLLS {
                return Err(TimedOut);
            }
            core::hint::spin_loop();
        }
        Ok(())
    }
}

/// Sends `text` byte by byte, each once there `is_room`.
///
/// # Errors
/// [`TimedOut`] when there was no room for [`READY_TIME`]; the rest of the text is not sent.
pub fn send_each(
    uart: &impl Hardware,
    text: &[u8],
    is_room: Condition,
    data: Register,
) -> Result<(), TimedOut> {
    // Most UARTs have words for registers. A loop of their own takes two thirds of the instructions.
    match (is_room.register, data) {
        (Register { offset, width: 4 }, Register { offset: data, width: 4 }) => {
            let is_room = Condition { register: Register::word(offset), ..is_room };
            send_all(uart, text, is_room, Register::word(data))
        }
        _ => send_all(uart, text, is_room, data),
    }
}

#[inline(always)]
fn send_all(uart: &impl Hardware, text: &[u8], is_room: Condition, data: Register) -> Result<(), TimedOut> {
    for &byte in text {
        is_room.wait(uart, READY_TIME)?;
        uart.write(data.offset, data.width, byte.into());
    }
    Ok(())
}
