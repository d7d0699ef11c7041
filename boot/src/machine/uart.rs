//! Writes bytes to a UART that the loader has set up. Baud rate, clocks and pins are left as they are.

use super::mmio::Device;
use ringfence_boot::console::{Console, Kind};
use ringfence_boot::uart::{self, Registers, wait};
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
            Kind::Ns16550 | Kind::Geni | Kind::Msm => {
                each(text, |word| uart::put(&self.device, &self.console, word));
            }
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
            Kind::Ns16550 | Kind::Geni | Kind::Msm => uart::drain(&self.device, &self.console),
        }
    }
}

impl Registers for Device {
    fn read(&self, offset: u64, width: u32) -> u32 {
        self.read(offset, width)
    }

    fn write(&self, offset: u64, width: u32, value: u32) {
        self.write(offset, width, value);
    }
}

#[inline]
fn each(text: &[u8], put: impl Fn(u32)) {
    for &byte in text {
        if byte == b'\n' {
            put(u32::from(b'\r'));
        }
        put(u32::from(byte));
    }
}
