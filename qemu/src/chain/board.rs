//! The boards that chains are tried on.

use crate::machine::{Level, Machine, Ram};
use crate::setup::{self, Series};
use crate::workspace::Workspace;
use std::path::PathBuf;

/// A board with its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BoardConfig {
    /// `virt`: GICv2, one processor, 1 GiB.
    Virt,
    /// `virt` with little memory, and nothing above 4 GiB.
    Small,
    /// `virt` with GICv2 and as many processors as that can serve.
    Gic2,
    /// `virt` with GICv3 and four processors in two nodes, each of which has a `/memory` of its own.
    Gic3,
    /// `virt` with memory far above 4 GiB.
    Large,
    /// Xilinx ZCU102: RAM from 0, Cadence console, four processors.
    Zcu102,
    /// Raspberry Pi 3B: a mini UART, and four processors that wait in a spin table.
    Raspi3b,
}

/// Several processors in one thread of the host's. In one each they fight for the host's, of which two boards have
/// one each, and those in a spin table never rest: a boot takes two to three times as long.
const TAKE_TURNS: &str = "tcg,thread=single";

/// Nodes of the board that has several.
const NODES: u32 = 2;

impl BoardConfig {
    pub(crate) const ALL: [Self; 7] =
        [Self::Virt, Self::Small, Self::Gic2, Self::Gic3, Self::Large, Self::Zcu102, Self::Raspi3b];

    /// Its name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Virt => "virt-1G",
            Self::Small => "virt-512M-highmem-off",
            Self::Gic2 => "virt-gicv2-8cpu",
            Self::Gic3 => "virt-gicv3-4cpu-2nodes",
            Self::Large => "virt-64G",
            Self::Zcu102 => "zcu102-2G",
            Self::Raspi3b => "raspi3b",
        }
    }

    pub(crate) fn is_virt(self) -> bool {
        !matches!(self, Self::Zcu102 | Self::Raspi3b)
    }

    pub(crate) fn machine(self) -> Machine {
        match self {
            Self::Zcu102 => Machine::Zcu102,
            Self::Raspi3b => Machine::Raspi3b,
            _ => Machine::Virt,
        }
    }

    pub(crate) fn ram(self) -> Ram {
        match self {
            Self::Small => Ram(512 << 20),
            Self::Large => Ram(64 << 30),
            Self::Zcu102 => Ram(2 << 30),
            _ => Ram::GIB,
        }
    }

    pub(crate) fn processors(self) -> u32 {
        match self {
            Self::Gic2 => 8,
            Self::Gic3 | Self::Zcu102 | Self::Raspi3b => 4,
            _ => 1,
        }
    }

    /// What Linux says of its processors once they are up.
    pub(crate) fn brought_up(self) -> String {
        let nodes = if self == Self::Gic3 { format!("{NODES} nodes") } else { "1 node".into() };
        format!("smp: Brought up {nodes}, {} CPU", self.processors())
    }

    /// Carveouts that its tree has.
    pub(crate) fn carveouts(self) -> usize {
        if self == Self::Zcu102 { 4 } else { 2 }
    }

    /// The command line of its Linux.
    pub(crate) fn append(self) -> &'static str {
        match self {
            // Debian's kernel has no driver for this console: everything goes through the early one.
            Self::Zcu102 => "earlycon keep_bootcon console=ttyPS0 printk.devkmsg=on panic=-1",
            Self::Raspi3b => "console=ttyS1,115200 panic=-1",
            _ => crate::job::APPEND,
        }
    }

    /// The Linux that it boots: Debian's kernel for clouds, or the one with drivers for boards where it needs them.
    pub(crate) fn kernel(self, ws: &Workspace, series: Series) -> PathBuf {
        if self == Self::Raspi3b { setup::board_kernel(ws) } else { series.image(ws) }
    }

    /// Its tree in Debian's kernel package, and what is laid over it; none where QEMU has a tree of its own.
    pub(super) fn sources(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Zcu102 => Some(("xilinx/zynqmp-zcu102-rev1.0.dtb", "zcu102.dtso")),
            Self::Raspi3b => Some(("broadcom/bcm2837-rpi-3-b.dtb", "raspi3b.dtso")),
            _ => None,
        }
    }

    /// What QEMU is told besides machine and RAM.
    pub(crate) fn more(self) -> Vec<String> {
        let gic = match self {
            Self::Zcu102 => {
                return ["-audiodev", "none,id=none", "-accel", TAKE_TURNS].map(String::from).to_vec();
            }
            Self::Raspi3b => return ["-accel", TAKE_TURNS].map(String::from).to_vec(),
            Self::Gic3 => "gic-version=3",
            Self::Small => "gic-version=2,highmem=off",
            _ => "gic-version=2",
        };
        let mut more = vec!["-machine".into(), gic.into(), "-smp".into(), self.processors().to_string()];
        if self.processors() > 1 {
            more.extend(["-accel", TAKE_TURNS].map(String::from));
        }
        if self == Self::Gic3 {
            for node in 0..NODES {
                let size = Ram(self.ram().0 / u64::from(NODES));
                more.extend(["-object".into(), format!("memory-backend-ram,id=node{node},size={size}")]);
                let cpus = node * 2;
                let node = format!("node,nodeid={node},memdev=node{node},cpus={cpus}-{}", cpus + 1);
                more.extend(["-numa".into(), node]);
            }
        }
        if self == Self::Large {
            // More than the host has: only what is touched is taken.
            more.extend(["-machine", "memory-backend=ram", "-object"].map(String::from));
            more.push(format!("memory-backend-ram,id=ram,size={},reserve=off", self.ram()));
        }
        more
    }

    /// Where its RAM starts.
    pub(crate) fn ram_base(self) -> u64 {
        if self.is_virt() { 0x4000_0000 } else { 0 }
    }

    /// A name for files that belong to this board at this level.
    pub(crate) fn at(self, level: Level) -> String {
        format!("{}-{}", self.name(), if level == Level::El1 { "el1" } else { "el2" })
    }
}
