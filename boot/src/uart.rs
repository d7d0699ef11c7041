//! UARTs that are driven register by register: 8250, Qualcomm GENI and Qualcomm MSM. The loader has set them up.

use crate::console::{Console, Kind};

/// Registers of a device, by their offset in bytes.
pub trait Registers {
    /// Read a register of `width` bytes (1 or 4).
    fn read(&self, offset: u64, width: u32) -> u32;
    /// Write a register of `width` bytes (1 or 4).
    fn write(&self, offset: u64, width: u32, value: u32);
}

/// How often a UART is asked before it is given up: a console that hangs must not hang the boot.
const MAX_POLLS: u32 = 1_000_000;

/// Wait until a UART is ready, or has been asked often enough.
#[inline]
pub fn wait(ready: impl Fn() -> bool) {
    for _ in 0..MAX_POLLS {
        if ready() {
            return;
        }
        core::hint::spin_loop();
    }
}

/// Send one byte. Consoles of the other kinds are driven elsewhere, and send nothing here.
pub fn put(registers: &impl Registers, console: &Console, byte: u32) {
    match console.kind {
        Kind::Ns16550 => {
            wait(|| line_status(registers, console) & LSR_ROOM != 0);
            registers.write(0, console.width, byte);
        }
        Kind::Geni => put_geni(registers, byte),
        Kind::Msm => put_msm(registers, byte),
        Kind::Pl011 | Kind::Cadence => {}
    }
}

/// Wait until the last byte has left.
pub fn drain(registers: &impl Registers, console: &Console) {
    match console.kind {
        Kind::Ns16550 => wait(|| line_status(registers, console) & LSR_EMPTY != 0),
        Kind::Msm => wait(|| registers.read(MSM_SR, 4) & MSM_SR_TX_EMPTY != 0),
        // Each byte of a GENI was waited for.
        Kind::Geni | Kind::Pl011 | Kind::Cadence => {}
    }
}

fn line_status(registers: &impl Registers, console: &Console) -> u32 {
    registers.read(LSR << console.shift, console.width)
}

/// One transfer of one byte, in the order of Linux' `qcom_geni_serial` console.
fn put_geni(registers: &impl Registers, byte: u32) {
    let write = |offset, value| registers.write(offset, 4, value);
    let status = || registers.read(GENI_M_IRQ_STATUS, 4);
    write(GENI_TX_WATERMARK, 2);
    write(GENI_TX_TRANS_LEN, 1);
    write(GENI_M_CMD0, GENI_START_TX);
    wait(|| status() & GENI_TX_WATERMARK_IRQ != 0);
    write(GENI_TX_FIFO, byte);
    write(GENI_M_IRQ_CLEAR, GENI_TX_WATERMARK_IRQ);
    wait(|| status() & GENI_CMD_DONE_IRQ != 0);
    write(GENI_M_IRQ_CLEAR, GENI_CMD_DONE_IRQ);
}

/// One byte through the FIFO, which wants to know first how many will come (drivers/tty/serial/msm_serial.c,
/// `msm_reset_dm_count`).
fn put_msm(registers: &impl Registers, byte: u32) {
    let status = || registers.read(MSM_SR, 4);
    wait(|| status() & MSM_SR_TX_EMPTY != 0);
    registers.write(MSM_NCF_TX, 4, 1);
    // The count takes effect once it can be read back.
    let _ = registers.read(MSM_NCF_TX, 4);
    wait(|| status() & MSM_SR_TX_READY != 0);
    registers.write(MSM_TF, 4, byte);
}

const LSR: u64 = 5;
const LSR_ROOM: u32 = 1 << 5;
const LSR_EMPTY: u32 = 1 << 6;

const GENI_TX_TRANS_LEN: u64 = 0x270;
const GENI_M_CMD0: u64 = 0x600;
const GENI_M_IRQ_STATUS: u64 = 0x610;
const GENI_M_IRQ_CLEAR: u64 = 0x618;
const GENI_TX_FIFO: u64 = 0x700;
const GENI_TX_WATERMARK: u64 = 0x80c;
const GENI_START_TX: u32 = 1 << 27;
const GENI_CMD_DONE_IRQ: u32 = 1;
const GENI_TX_WATERMARK_IRQ: u32 = 1 << 30;

const MSM_SR: u64 = 0x08;
const MSM_NCF_TX: u64 = 0x40;
const MSM_TF: u64 = 0x70;
const MSM_SR_TX_READY: u32 = 1 << 2;
const MSM_SR_TX_EMPTY: u32 = 1 << 3;

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence::span::Span;
    use std::cell::{Cell, RefCell};

    /// A UART that keeps what is done to it, and is never ready at the first time of asking.
    #[derive(Default)]
    struct Fake {
        written: RefCell<Vec<(u64, u32, u32)>>,
        asked: Cell<u32>,
        stuck: bool,
    }

    impl Registers for Fake {
        fn read(&self, offset: u64, width: u32) -> u32 {
            self.asked.set(self.asked.get() + 1);
            let status = matches!((offset, width), (0x14, 4) | (5, 1) | (GENI_M_IRQ_STATUS, 4) | (MSM_SR, 4));
            let ready = !self.stuck && self.asked.get().is_multiple_of(2);
            if status && ready { u32::MAX } else { 0 }
        }

        fn write(&self, offset: u64, width: u32, value: u32) {
            self.written.borrow_mut().push((offset, width, value));
        }
    }

    fn console(kind: Kind, shift: u32, width: u32) -> Console {
        Console { kind, registers: Span::new(0x1000, 0x1000).unwrap(), shift, width }
    }

    fn sent(console: Console) -> Vec<(u64, u32, u32)> {
        let uart = Fake::default();
        put(&uart, &console, 0x41);
        drain(&uart, &console);
        uart.written.into_inner()
    }

    #[test]
    fn an_8250_waits_for_room_where_its_registers_lie() {
        for (shift, width) in [(0, 1), (2, 4)] {
            assert_eq!(sent(console(Kind::Ns16550, shift, width)), [(0, width, 0x41)]);
        }
        let uart = Fake::default();
        put(&uart, &console(Kind::Ns16550, 2, 4), 0x41);
        assert_eq!(uart.asked.get(), 2, "asked until there was room, at offset 5 << 2");
    }

    #[test]
    fn an_msm_uart_is_told_how_many_bytes_will_come() {
        assert_eq!(sent(console(Kind::Msm, 0, 4)), [(0x40, 4, 1), (0x70, 4, 0x41)]);
    }

    #[test]
    fn a_geni_is_given_one_transfer_a_byte() {
        let written = sent(console(Kind::Geni, 0, 4));
        let command = written.iter().position(|&write| write == (0x600, 4, 1 << 27)).unwrap();
        let data = written.iter().position(|&write| write == (0x700, 4, 0x41)).unwrap();
        assert!(written.contains(&(0x270, 4, 1)) && command < data);
        assert_eq!(written.last(), Some(&(0x618, 4, 1)), "what was waited for is cleared");
    }

    #[test]
    fn a_uart_that_never_gets_ready_ends_the_patience_and_not_the_boot() {
        let uart = Fake { stuck: true, ..Fake::default() };
        put(&uart, &console(Kind::Ns16550, 0, 1), 0x41);
        assert_eq!(uart.asked.get(), MAX_POLLS);
    }
}
