//! What the boots of tests and matrix share: the stage in its forms, the tool, the kernels, the initramfs.

use crate::build_cache::Shared;
use crate::chain::{BoardConfig, tree};
use crate::job::{Parts, Tool};
use crate::machine::{Board, Level};
use crate::setup::{self, Consent, Need, Series};
use crate::stage::{self, Built};
use crate::transcript::Transcript;
use crate::workspace::Workspace;
use crate::{initramfs, runner};
use anyhow::{Context, Result};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// What must be there for a bench.
pub(crate) const NEEDS: &[Need] = &[
    Need::Qemu,
    Need::Dtc,
    Need::UBoot,
    Need::UBootTools,
    Need::Zstd,
    Need::Kernel(Series::V6_1),
    Need::Kernel(Series::V6_12),
    Need::Kernel(Series::V7),
    Need::Kernel(Series::V7Pages16K),
    Need::Busybox,
    Need::Corpus,
    Need::BareTarget,
];

/// What all boots share, built once.
#[derive(Clone, Debug)]
pub(crate) struct TestBed {
    /// The project.
    pub(crate) ws: Workspace,
    /// The host tool.
    pub(crate) tool: Tool,
    /// The stage.
    pub(crate) stage: Built,
    /// The stage that speaks on the `virt` board's serial port when no tree names a console.
    pub(crate) talkative: Built,
    /// The stage with everything that a build may leave out.
    pub(crate) full: Built,
    /// The payload that checks its entry state.
    pub(crate) payload: Built,
    /// The initramfs of the proving ground.
    pub(crate) initrd: PathBuf,
    /// What several boots take.
    pub(crate) shared: Shared,
}

impl TestBed {
    /// Brings in what is missing, [`NEEDS`] and `more`, and builds everything.
    ///
    /// # Errors
    /// When something is missing and may not be brought in, or a build fails.
    pub(crate) fn set_up(ws: &Workspace, consent: Consent, more: &[Need]) -> Result<Self> {
        setup::ensure(ws, &[NEEDS, more].concat(), consent)?;
        Ok(Self {
            ws: ws.clone(),
            tool: Tool::build(ws)?,
            stage: stage::stage(ws, consent)?,
            talkative: stage::talkative(ws, consent)?,
            full: stage::full(ws, consent)?,
            payload: stage::payload(ws, consent)?,
            initrd: initramfs::build(ws)?,
            shared: Shared::default(),
        })
    }

    /// A bundle of these parts, the same file for all who ask: not to be changed.
    ///
    /// # Errors
    /// When it cannot be packed.
    pub(crate) fn pack(&self, parts: &Parts) -> Result<PathBuf> {
        let key = format!("{parts:?}");
        let name = format!("shared-{:08x}", crc32fast::hash(key.as_bytes()));
        self.shared.once(&key, || self.tool.pack(&self.ws, &name, parts))
    }

    /// The tree of a board with its carveouts.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn tree(&self, model: BoardConfig, level: Level) -> Result<PathBuf> {
        let name = format!("tree of {}", model.at(level));
        self.shared.once(&name, || tree::whole(&self.ws, model, level))
    }

    /// Boots a board, keeps its console under the case's name, and returns it.
    pub(crate) fn boot(&self, name: &str, board: &Board, limit: Duration) -> Result<Transcript> {
        self.boot_until(name, board, limit, None)
    }

    /// [`TestBed::boot`], for a board that does not end by itself: stops it when `enough` says so of its console.
    pub(crate) fn boot_until(
        &self,
        name: &str,
        board: &Board,
        limit: Duration,
        enough: Option<&dyn Fn(&str) -> bool>,
    ) -> Result<Transcript> {
        let log = self.ws.scratch_file("logs", name, "log")?;
        let mut file = fs::File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let transcript = runner::run_until(board, limit, &mut file, enough)?;
        // Last, so that the console's first line stays the board's.
        writeln!(file, "\n{}\n{}", transcript.command, transcript.complaints)?;
        Ok(transcript)
    }
}
