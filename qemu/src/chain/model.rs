//! The boards that chains are tried on.

use crate::machine::{Level, Machine, Ram};

/// A board with its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Model {
    /// `virt`: GICv2, one processor, 1 GiB.
    Virt,
    /// `virt` with little memory.
    Small,
    /// `virt` with GICv2 and as many processors as that can serve.
    Gic2,
    /// `virt` with GICv3 and four processors.
    Gic3,
    /// `virt` with memory far above 4 GiB.
    Large,
    /// Xilinx ZCU102: RAM from 0, Cadence console, four processors.
    Zcu102,
}

impl Model {
    pub(crate) const ALL: [Self; 6] =
        [Self::Virt, Self::Small, Self::Gic2, Self::Gic3, Self::Large, Self::Zcu102];

    /// Its name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Virt => "virt-1G",
            Self::Small => "virt-512M",
            Self::Gic2 => "virt-gicv2-8cpu",
            Self::Gic3 => "virt-gicv3-4cpu",
            Self::Large => "virt-64G",
            Self::Zcu102 => "zcu102-2G",
        }
    }

    pub(crate) fn is_virt(self) -> bool {
        self != Self::Zcu102
    }

    pub(crate) fn machine(self) -> Machine {
        if self.is_virt() { Machine::Virt } else { Machine::Zcu102 }
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
            Self::Gic3 | Self::Zcu102 => 4,
            _ => 1,
        }
    }

    /// Carveouts that its tree has.
    pub(crate) fn carveouts(self) -> usize {
        if self.is_virt() { 2 } else { 4 }
    }

    /// The command line of its Linux.
    pub(crate) fn append(self) -> &'static str {
        // Debian's kernel has no driver for this console: everything goes through the early one.
        let zynq = "earlycon keep_bootcon console=ttyPS0 printk.devkmsg=on panic=-1";
        if self.is_virt() { crate::job::APPEND } else { zynq }
    }

    /// What QEMU is told besides machine and RAM.
    pub(crate) fn more(self) -> Vec<String> {
        let gic = match self {
            Self::Zcu102 => return ["-audiodev", "none,id=none"].map(String::from).to_vec(),
            Self::Gic3 => "gic-version=3",
            _ => "gic-version=2",
        };
        let mut more = vec!["-machine".into(), gic.into(), "-smp".into(), self.processors().to_string()];
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
