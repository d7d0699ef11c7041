//! The chain: which loader brings which form of payload to which board, at which level, for which Linux.

mod board;
mod payload_form;
pub(crate) mod tree;

pub(crate) use board::BoardConfig;
pub(crate) use payload_form::PayloadForm;

use crate::machine::{Board, Level};
use crate::setup::Series;
use crate::test_bed::TestBed;
use crate::{assertions, uboot};
use anyhow::{Result, ensure};
use std::fmt;
use std::time::Duration;

/// Who puts the stage into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loader {
    /// QEMU, as it loads Linux.
    Qemu,
    /// Debian's U-Boot.
    UBoot,
}

/// One way to boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BootConfig {
    pub(crate) loader: Loader,
    pub(crate) form: PayloadForm,
    pub(crate) model: BoardConfig,
    pub(crate) level: Level,
    pub(crate) series: Series,
}

/// How long a boot may take on a busy machine; some seconds are usual.
const LIMIT: Duration = Duration::from_secs(300);

/// The usual one: each test names what it does otherwise.
pub(crate) const USUAL: BootConfig = BootConfig {
    loader: Loader::Qemu,
    form: PayloadForm::BundleInSlot,
    model: BoardConfig::Virt,
    level: Level::El2,
    series: Series::V6_12,
};

impl fmt::Display for BootConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loader = if self.loader == Loader::Qemu { "qemu" } else { "u-boot" };
        let level = if self.level == Level::El1 { "el1" } else { "el2" };
        write!(f, "{loader}-{}-{}-{level}-{}", self.form.name(), self.model.name(), self.series.name())
    }
}

impl BootConfig {
    /// Tells whether there is such a boot at all.
    pub(crate) fn makes_sense(&self) -> bool {
        let virt = self.model.is_virt();
        if self.model == BoardConfig::Raspi3b && (self.level, self.series) != (Level::El2, Series::V6_12) {
            // It enters kernels at EL2 only, and one kernel for boards is enough to fetch.
            return false;
        }
        let usual = matches!(self.form, PayloadForm::BundleInSlot | PayloadForm::KernelAppended);
        if self.form == PayloadForm::ZstdAppended && (self.level, self.series) != (Level::El2, Series::V6_12)
        {
            // What is unpacked differs from gzip, what is booted does not: once on each board is enough.
            return false;
        }
        match (self.loader, self.form) {
            // The newest kernels are tried in the usual forms only, and a Cortex-A53 has no pages of 16 KiB.
            (loader, _) if matches!(self.series, Series::V7 | Series::V7Pages16K) => {
                usual && loader == Loader::Qemu && (virt || self.series == Series::V7)
            }
            (Loader::UBoot, PayloadForm::Modules) => false,
            (Loader::UBoot, _) => self.model == BoardConfig::Virt,
            // QEMU adds the modules to a tree of its own only.
            (Loader::Qemu, PayloadForm::Modules) => virt,
            // A tree in the bundle says how much RAM there is, and Debian's says more than this board is given.
            (Loader::Qemu, PayloadForm::Overlays) => virt,
            (Loader::Qemu, _) => true,
        }
    }

    /// The board with everything loaded.
    ///
    /// # Errors
    /// When something cannot be packed or written.
    pub(crate) fn board(&self, bench: &TestBed, name: &str) -> Result<Board> {
        let mut board = self.form.board(bench, name, self)?;
        if self.loader == Loader::UBoot {
            board.entry = uboot::entry(board.entry, &bench.ws.scratch("uboot")?)?;
        }
        Ok(board)
    }

    /// Boots Linux this way and holds the boot against what the stage said.
    ///
    /// # Errors
    /// Naming what was not as promised.
    pub(crate) fn boot(&self, bench: &TestBed, name: &str) -> Result<String> {
        let board = self.board(bench, name)?;
        let transcript = bench.boot(name, &board, LIMIT)?;
        let held = assertions::held(&transcript)?;
        let carveouts = if self.form == PayloadForm::Modules { 0 } else { self.model.carveouts() };
        ensure!(held.carveouts == carveouts, "{} of {carveouts} carveouts", held.carveouts);
        let cpus = self.model.processors();
        let up = self.model.brought_up();
        ensure!(
            transcript.lines.iter().any(|line| line.contains(&up)),
            "not all of {cpus} processors came up"
        );
        if self.model.is_virt() {
            let seeded = transcript.lines.iter().any(|line| line.contains("KASLR enabled"));
            ensure!(seeded, "the kernel did not find the seed that QEMU put into /chosen");
        }
        let said = |start: &str| transcript.stage().any(|line| line.starts_with(start));
        ensure!(said("unpacked kernel") == self.form.is_packed(), "the kernel was not unpacked, or was it?");
        ensure!(said("overlay: ") == (self.form == PayloadForm::Overlays), "overlays applied, or not");
        Ok(format!("{cpus} CPU, {held}"))
    }
}
