//! The description of a board.

use crate::boards::virt;
use crate::machine::{Level, Machine, Ram};
use crate::setup::{self, Series};
use crate::workspace::Workspace;
use ringfence::profile::PageSize;
use std::path::PathBuf;

/// A board with its size.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BoardConfig {
    /// Its name in tables.
    pub(crate) name: &'static str,
    /// The machine.
    pub(crate) machine: &'static Machine,
    /// How much RAM it has.
    pub(crate) ram: Ram,
    /// Where its RAM starts.
    pub(crate) ram_base: u64,
    /// How many processors it has.
    pub(crate) processors: u32,
    /// How many NUMA nodes it has.
    pub(crate) nodes: u32,
    /// The largest page that its processors have.
    pub(crate) page: PageSize,
    /// The exception levels at which it enters an image.
    pub(crate) levels: &'static [Level],
    /// The command line of its Linux.
    pub(crate) append: &'static str,
    /// Whether its Linux needs drivers that Debian's kernel for clouds does not have.
    pub(crate) needs_drivers: bool,
    /// Its tree in Debian's kernel package; `None` where QEMU has a tree of its own.
    pub(crate) tree: Option<&'static str>,
    /// The overlay with its carveouts, and how many the whole tree has. Relative to this folder.
    pub(crate) overlay: (&'static str, usize),
    /// Further arguments for QEMU.
    pub(crate) arguments: &'static [&'static str],
}

/// Runs several processors in one thread of the host's. In one thread each they compete for the host's
/// processors, of which a small host has two, and those in a spin table never rest: a boot takes two to three
/// times as long.
const ONE_THREAD: [&str; 2] = ["-accel", "tcg,thread=single"];

impl BoardConfig {
    /// Tells whether it is QEMU's machine for virtual machines.
    pub(crate) fn is_virt(&self) -> bool {
        *self.machine == virt::MACHINE
    }

    /// Returns the line that Linux prints once the processors are up.
    pub(crate) fn brought_up(&self) -> String {
        let nodes = if self.nodes == 1 { "1 node".into() } else { format!("{} nodes", self.nodes) };
        format!("smp: Brought up {nodes}, {} CPU", self.processors)
    }

    /// Returns the Linux that it boots: Debian's kernel for clouds, or the one with drivers.
    pub(crate) fn kernel(&self, ws: &Workspace, series: Series) -> PathBuf {
        if self.needs_drivers { setup::board_kernel(ws) } else { series.image(ws) }
    }

    /// Returns the path of the overlay with its carveouts.
    pub(crate) fn overlay(&self, ws: &Workspace) -> PathBuf {
        ws.proving_ground().join("src/boards").join(self.overlay.0)
    }

    /// Returns the arguments for QEMU in addition to machine and RAM.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let threads: &[&str] = if self.processors > 1 { &ONE_THREAD } else { &[] };
        self.arguments.iter().chain(threads).map(ToString::to_string).collect()
    }

    /// Returns a name for files that belong to this board at this level.
    pub(crate) fn at(&self, level: Level) -> String {
        format!("{}-{}", self.name, if level == Level::El1 { "el1" } else { "el2" })
    }
}
