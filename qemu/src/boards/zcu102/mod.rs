//! Xilinx ZCU102: RAM from 0, Cadence console, four Cortex-A53.

use crate::boards::config::BoardConfig;
use crate::machine::{Level, Machine, Ram};
use ringfence::profile::PageSize;

pub(crate) static MACHINE: Machine = Machine {
    name: "zcu102",
    help: "Xilinx ZCU102: RAM from 0, Cadence console",
    qemu: "xlnx-zcu102",
    oldest_qemu: 7,
    has_virtualization: true,
    arguments: &[],
};

pub(crate) static BOARD: BoardConfig = BoardConfig {
    name: "zcu102-2G",
    machine: &MACHINE,
    ram: Ram(2 << 30),
    ram_base: 0,
    processors: 4,
    nodes: 1,
    page: PageSize::K4,
    levels: &[Level::El1, Level::El2],
    // Debian's kernel has no driver for this console: everything goes through the early one.
    append: "earlycon keep_bootcon console=ttyPS0 printk.devkmsg=on panic=-1",
    needs_drivers: false,
    tree: Some("xilinx/zynqmp-zcu102-rev1.0.dtb"),
    overlay: ("zcu102/zcu102.dtso", 4),
    arguments: &["-audiodev", "none,id=none"],
};
