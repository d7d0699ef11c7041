//! Xilinx Versal: RAM from 0, PL011 console, two Cortex-A72, a tree of QEMU's own.

use crate::boards::config::BoardConfig;
use crate::machine::{Level, Machine, Ram};
use ringfence::profile::PageSize;

pub(crate) static MACHINE: Machine = Machine {
    name: "versal",
    help: "Xilinx Versal: RAM from 0, PL011 console",
    qemu: "xlnx-versal-virt",
    oldest_qemu: 7,
    has_virtualization: false,
    arguments: &[],
};

pub(crate) static BOARD: BoardConfig = BoardConfig {
    name: "versal-2G",
    machine: &MACHINE,
    ram: Ram(2 << 30),
    ram_base: 0,
    processors: 2,
    nodes: 1,
    page: PageSize::K4,
    levels: &[Level::El2],
    append: "console=ttyAMA0 panic=-1",
    needs_drivers: true,
    tree: None,
    overlay: ("versal/versal.dtso", 2),
    arguments: &[],
};
