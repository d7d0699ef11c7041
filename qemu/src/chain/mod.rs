//! The chain: which loader brings which form of payload to which board, at which level, for which Linux.

mod payload_form;

pub(crate) use payload_form::PayloadForm;

use crate::boards::{BoardConfig, virt};
use crate::machine::{Board, Level};
use crate::setup::Series;
use crate::test_bed::TestBed;
use crate::{assertions, uboot};
use anyhow::{Result, ensure};
use std::fmt;
use std::path::Path;
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
    pub(crate) board: &'static BoardConfig,
    pub(crate) level: Level,
    pub(crate) series: Series,
}

/// How long a boot may take on a busy machine; some seconds are usual.
const LIMIT: Duration = Duration::from_secs(300);

/// The usual one: each test names what it does otherwise.
pub(crate) const USUAL: BootConfig = BootConfig {
    loader: Loader::Qemu,
    form: PayloadForm::BundleInSlot,
    board: &virt::ONE_GIB,
    level: Level::El2,
    series: Series::V6_12,
};

impl fmt::Display for BootConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loader = if self.loader == Loader::Qemu { "qemu" } else { "u-boot" };
        let level = if self.level == Level::El1 { "el1" } else { "el2" };
        write!(f, "{loader}-{}-{}-{level}-{}", self.form.name(), self.board.name, self.series.name())
    }
}

impl BootConfig {
    /// Tells whether there is such a boot at all.
    pub(crate) fn makes_sense(&self) -> bool {
        let BootConfig { loader, form, board, level, series } = *self;
        let usual = matches!(form, PayloadForm::BundleInSlot | PayloadForm::KernelAppended);
        if !board.levels.contains(&level) || series.page().bytes() > board.page.bytes() {
            return false;
        }
        if board.needs_drivers && series != Series::V6_12 {
            // One kernel with drivers is enough to fetch.
            return false;
        }
        if form == PayloadForm::ZstdAppended && (level, series) != (Level::El2, Series::V6_12) {
            // What is unpacked differs from gzip, what is booted does not: once on each board is enough.
            return false;
        }
        if !series.long_term {
            // The newest kernels are tried in the usual forms only.
            return usual && loader == Loader::Qemu;
        }
        match (loader, form) {
            (Loader::UBoot, PayloadForm::Modules) => false,
            (Loader::UBoot, _) => *board == virt::ONE_GIB,
            // QEMU adds the modules to a tree of its own only.
            (Loader::Qemu, PayloadForm::Modules) => board.is_virt(),
            // A tree in the bundle says how much RAM there is, and Debian's says more than this board is
            // given.
            (Loader::Qemu, PayloadForm::Overlays) => board.is_virt(),
            (Loader::Qemu, _) => true,
        }
    }

    /// Returns the board with everything loaded.
    ///
    /// # Errors
    /// When something cannot be packed or written.
    pub(crate) fn ready(&self, bed: &TestBed, name: &str) -> Result<Board> {
        self.ready_with(bed, name, &self.board.kernel(&bed.ws, self.series))
    }

    /// Returns the same with another kernel.
    ///
    /// # Errors
    /// As for [`ready`](Self::ready).
    pub(crate) fn ready_with(&self, bed: &TestBed, name: &str, kernel: &Path) -> Result<Board> {
        let mut board = self.form.ready(bed, name, self.board, self.level, self.series, kernel)?;
        if self.loader == Loader::UBoot {
            board.entry = uboot::entry(board.entry, &bed.ws.scratch("uboot")?)?;
        }
        Ok(board)
    }

    /// Boots Linux this way and compares the boot with what the stage reported.
    ///
    /// # Errors
    /// Naming what was not as promised.
    pub(crate) fn boot(&self, bed: &TestBed, name: &str) -> Result<String> {
        let board = self.ready(bed, name)?;
        let transcript = bed.boot(name, &board, LIMIT)?;
        let held = assertions::held(&transcript)?;
        let carveouts = if self.form == PayloadForm::Modules { 0 } else { self.board.overlay.1 };
        ensure!(held.carveouts == carveouts, "{} of {carveouts} carveouts", held.carveouts);
        let cpus = self.board.processors;
        let up = self.board.brought_up();
        ensure!(
            transcript.lines.iter().any(|line| line.contains(&up)),
            "not all of {cpus} processors are up"
        );
        if self.board.is_virt() {
            let seeded = transcript.lines.iter().any(|line| line.contains("KASLR enabled"));
            ensure!(seeded, "the kernel did not find the seed that QEMU put into /chosen");
        }
        let said = |start: &str| transcript.stage().any(|line| line.starts_with(start));
        ensure!(
            said("unpacked kernel") == self.form.is_packed(),
            "a kernel is unpacked, and only where it is packed"
        );
        ensure!(
            said("overlay: ") == (self.form == PayloadForm::Overlays),
            "overlays are applied, and only where there are any"
        );
        Ok(format!("{cpus} CPU, {held}"))
    }
}
