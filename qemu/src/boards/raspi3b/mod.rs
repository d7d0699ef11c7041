//! Raspberry Pi 3B: a mini UART, four processors that wait in a spin table, and no firmware to call.

use crate::boards::config::BoardConfig;
use crate::machine::{Level, Machine, Ram};
use ringfence::profile::PageSize;

pub(crate) static MACHINE: Machine = Machine {
    name: "raspi3b",
    help: "Raspberry Pi 3B: RAM from 0, mini UART, processors in a spin table, no firmware to call",
    qemu: "raspi3b",
    oldest_qemu: 7,
    has_virtualization: false,
    // The console is its second serial line.
    arguments: &["-serial", "null"],
};

pub(crate) static BOARD: BoardConfig = BoardConfig {
    name: "raspi3b",
    machine: &MACHINE,
    ram: Ram::GIB,
    ram_base: 0,
    processors: 4,
    nodes: 1,
    page: PageSize::K4,
    levels: &[Level::El2],
    append: "console=ttyS1,115200 panic=-1",
    needs_drivers: true,
    tree: Some("broadcom/bcm2837-rpi-3-b.dtb"),
    overlay: ("raspi3b/raspi3b.dtso", 2),
    arguments: &[],
};
