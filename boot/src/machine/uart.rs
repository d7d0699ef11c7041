//! Writes bytes to a UART that the loader has set up. Baud rate, clocks and pins are left as they are.

use super::mmio::Device;
use ringfence_boot::console::{Console, Kind};
use tock_registers::interfaces::{ReadWriteable, Readable, Writeable};
use tock_registers::registers::{ReadOnly, ReadWrite, WriteOnly};
use tock_registers::{register_bitfields, register_structs};

register_bitfields![u32,
    PL011_FR [ BUSY OFFSET(3) NUMBITS(1), TXFF OFFSET(5) NUMBITS(1) ],
    CADENCE_CR [ TX_EN OFFSET(4) NUMBITS(1), TX_DIS OFFSET(5) NUMBITS(1) ],
    CADENCE_SR [ TXEMPTY OFFSET(3) NUMBITS(1), TXFULL OFFSET(4) NUMBITS(1), TACTIVE OFFSET(11) NUMBITS(1) ]
];

register_structs! {
    /// Arm PrimeCell UART (DDI 0183).
    Pl011 {
        (0x00 => data: WriteOnly<u32>),
        (0x04 => _reserved),
        (0x18 => flags: ReadOnly<u32, PL011_FR::Register>),
        (0x1c => @END),
    },
    /// Cadence UART (Zynq UltraScale+ register reference, UG1087).
    Cadence {
        (0x00 => control: ReadWrite<u32, CADENCE_CR::Register>),
        (0x04 => _reserved),
        (0x2c => status: ReadOnly<u32, CADENCE_SR::Register>),
        (0x30 => fifo: ReadWrite<u32>),
        (0x34 => @END),
    }
}

/// How often a UART is asked before it is given up: a console that hangs must not hang the boot.
const PATIENCE: u32 = 1_000_000;

/// A UART.
#[derive(Clone, Copy)]
pub(super) struct Uart {
    device: Device,
    console: Console,
}

impl Uart {
    pub(super) const fn new(device: Device, console: Console) -> Self {
        Self { device, console }
    }

    /// Open the transmitter of a Cadence UART when no loader has: it starts closed, and swallows what is written.
    pub(super) fn prepare(&self) {
        if self.console.kind == Kind::Cadence
            && let Some(uart) = self.device.block::<Cadence>()
            && !uart.control.is_set(CADENCE_CR::TX_EN)
        {
            uart.control.modify(CADENCE_CR::TX_EN::SET + CADENCE_CR::TX_DIS::CLEAR);
        }
    }

    /// Write text, with a carriage return before each line feed, as fast as there is room for it.
    pub(super) fn write(&self, text: &[u8]) {
        // The registers are found once a text, not once a byte.
        match self.console.kind {
            Kind::Pl011 => {
                let Some(uart) = self.device.block::<Pl011>() else { return };
                each(text, |word| {
                    wait(|| !uart.flags.is_set(PL011_FR::TXFF));
                    uart.data.set(word);
                });
            }
            Kind::Cadence => {
                let Some(uart) = self.device.block::<Cadence>() else { return };
                each(text, |word| {
                    wait(|| !uart.status.is_set(CADENCE_SR::TXFULL));
                    uart.fifo.set(word);
                });
            }
            Kind::Ns16550 => each(text, |word| {
                wait(|| self.ns16550(LSR) & LSR_ROOM != 0);
                self.device.write(0, self.console.width, word);
            }),
            Kind::Geni => each(text, |word| self.put_geni(word)),
        }
    }

    /// Wait until the last byte has left.
    pub(super) fn flush(&self) {
        match self.console.kind {
            Kind::Pl011 => {
                if let Some(uart) = self.device.block::<Pl011>() {
                    wait(|| !uart.flags.is_set(PL011_FR::BUSY));
                }
            }
            Kind::Cadence => {
                if let Some(uart) = self.device.block::<Cadence>() {
                    wait(|| {
                        uart.status.is_set(CADENCE_SR::TXEMPTY) && !uart.status.is_set(CADENCE_SR::TACTIVE)
                    });
                }
            }
            Kind::Ns16550 => wait(|| self.ns16550(LSR) & LSR_EMPTY != 0),
            Kind::Geni => {}
        }
    }

    fn ns16550(&self, register: u64) -> u32 {
        self.device.read(register << self.console.shift, self.console.width)
    }

    /// One transfer of one byte, in the order of Linux' `qcom_geni_serial` console.
    fn put_geni(&self, word: u32) {
        let write = |offset, value| self.device.write(offset, 4, value);
        let status = || self.device.read(GENI_M_IRQ_STATUS, 4);
        write(GENI_TX_WATERMARK, 2);
        write(GENI_TX_TRANS_LEN, 1);
        write(GENI_M_CMD0, GENI_START_TX);
        wait(|| status() & GENI_TX_WATERMARK_IRQ != 0);
        write(GENI_TX_FIFO, word);
        write(GENI_M_IRQ_CLEAR, GENI_TX_WATERMARK_IRQ);
        wait(|| status() & GENI_CMD_DONE_IRQ != 0);
        write(GENI_M_IRQ_CLEAR, GENI_CMD_DONE_IRQ);
    }
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

#[inline]
fn each(text: &[u8], put: impl Fn(u32)) {
    for &byte in text {
        if byte == b'\n' {
            put(u32::from(b'\r'));
        }
        put(u32::from(byte));
    }
}

#[inline]
fn wait(ready: impl Fn() -> bool) {
    for _ in 0..PATIENCE {
        if ready() {
            return;
        }
        core::hint::spin_loop();
    }
}
