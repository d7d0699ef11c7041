//! QEMU's machine for virtual machines: RAM from 1 GiB on, a PL011 console, U-Boot from Debian.

use crate::boards::config::BoardConfig;
use crate::machine::{Level, Machine, Ram};
use ringfence::profile::PageSize;

/// The command line that its Linux gets by default: a console, and an end after a panic.
pub(crate) const APPEND: &str = "console=ttyAMA0 panic=-1";

/// Its serial port, as `ringfence pack --console` takes it.
pub(crate) const CONSOLE: &str = "pl011@0x9000000";

pub(crate) static MACHINE: Machine = Machine {
    name: "virt",
    help: "QEMU's machine for virtual machines: RAM from 0x40000000, PL011 console",
    qemu: "virt,acpi=off",
    oldest_qemu: 7,
    has_virtualization: true,
    arguments: &["-cpu", "cortex-a72"],
};

/// GICv2, one processor, 1 GiB.
pub(crate) static ONE_GIB: BoardConfig = USUAL;

/// Little memory, and nothing above 4 GiB.
pub(crate) static SMALL: BoardConfig = BoardConfig {
    name: "virt-512M-highmem-off",
    ram: Ram(512 << 20),
    arguments: &["-machine", "gic-version=2,highmem=off", "-smp", "1"],
    ..USUAL
};

/// GICv2 and as many processors as it can serve.
pub(crate) static GIC2: BoardConfig = BoardConfig {
    name: "virt-gicv2-8cpu",
    processors: 8,
    arguments: &["-machine", "gic-version=2", "-smp", "8"],
    ..USUAL
};

/// GICv3 and four processors in two nodes, each of which has a `/memory` of its own.
pub(crate) static GIC3: BoardConfig = BoardConfig {
    name: "virt-gicv3-4cpu-2nodes",
    processors: 4,
    nodes: 2,
    arguments: &[
        "-machine",
        "gic-version=3",
        "-smp",
        "4",
        "-object",
        "memory-backend-ram,id=node0,size=512M",
        "-numa",
        "node,nodeid=0,memdev=node0,cpus=0-1",
        "-object",
        "memory-backend-ram,id=node1,size=512M",
        "-numa",
        "node,nodeid=1,memdev=node1,cpus=2-3",
    ],
    ..USUAL
};

/// Memory far above 4 GiB. More than the host has: it gives only what is touched.
pub(crate) static LARGE: BoardConfig = BoardConfig {
    name: "virt-64G",
    ram: Ram(64 << 30),
    arguments: &[
        "-machine",
        "gic-version=2",
        "-smp",
        "1",
        "-machine",
        "memory-backend=ram",
        "-object",
        "memory-backend-ram,id=ram,size=64G,reserve=off",
    ],
    ..USUAL
};

const USUAL: BoardConfig = BoardConfig {
    name: "virt-1G",
    machine: &MACHINE,
    ram: Ram::GIB,
    ram_base: 0x4000_0000,
    processors: 1,
    nodes: 1,
    page: PageSize::K16,
    levels: &[Level::El1, Level::El2],
    append: APPEND,
    needs_drivers: false,
    tree: None,
    overlay: ("virt/carveouts.dtso", 2),
    arguments: &["-machine", "gic-version=2", "-smp", "1"],
};
