//! Raspberry Pi 4B: a mini UART, four processors that wait in a spin table, and no firmware to call. QEMU has
//! it from 9.0 on, without several of its devices.

use crate::boards::config::BoardConfig;
use crate::machine::{Level, Machine, Ram};
use ringfence::profile::PageSize;

pub(crate) static MACHINE: Machine = Machine {
    name: "raspi4b",
    help: "Raspberry Pi 4B: RAM from 0, mini UART, processors in a spin table; needs QEMU 9",
    qemu: "raspi4b",
    oldest_qemu: 9,
    has_virtualization: false,
    // The console is its second serial line.
    arguments: &["-serial", "null"],
};

pub(crate) static BOARD: BoardConfig = BoardConfig {
    name: "raspi4b",
    machine: &MACHINE,
    ram: Ram(2 << 30),
    ram_base: 0,
    processors: 4,
    nodes: 1,
    page: PageSize::K4,
    levels: &[Level::El2],
    // The mini UART of QEMU's board floods Linux with interrupts once its driver has it.
    append: "earlycon=bcm2835aux,0xfe215040 keep_bootcon console=none printk.devkmsg=on panic=-1",
    needs_drivers: true,
    tree: Some("broadcom/bcm2711-rpi-4-b.dtb"),
    overlay: ("raspi4b/raspi4b.dtso", 2),
    arguments: &[],
};
