//! NXP i.MX 8M Plus EVK: RAM from 0x40000000, an i.MX console, four Cortex-A53. QEMU has it from 10.0 on.

use crate::boards::config::BoardConfig;
use crate::machine::{Level, Machine, Ram};
use ringfence::profile::PageSize;

pub(crate) static MACHINE: Machine = Machine {
    name: "imx8mp",
    help: "NXP i.MX 8M Plus EVK: RAM from 0x40000000, i.MX console; needs QEMU 10",
    qemu: "imx8mp-evk",
    oldest_qemu: 10,
    has_virtualization: false,
    arguments: &[
        // The console is its second serial line. A boot loader leaves it enabled, with its transmitter on.
        "-serial",
        "null",
        "-device",
        "loader,addr=0x30890080,data=0x1,data-len=4",
        "-device",
        "loader,addr=0x30890084,data=0x7,data-len=4",
    ],
};

pub(crate) static BOARD: BoardConfig = BoardConfig {
    name: "imx8mp-2G",
    machine: &MACHINE,
    ram: Ram(2 << 30),
    ram_base: 0x4000_0000,
    processors: 4,
    nodes: 1,
    page: PageSize::K4,
    levels: &[Level::El2],
    // Debian's kernel has the driver of its clocks as a module: everything goes through the early console.
    append: "earlycon=ec_imx6q,0x30890000 keep_bootcon console=ttymxc1 printk.devkmsg=on panic=-1",
    needs_drivers: true,
    tree: Some("freescale/imx8mp-evk.dtb"),
    overlay: ("imx8mp/imx8mp.dtso", 5),
    arguments: &["-smp", "4"],
};
