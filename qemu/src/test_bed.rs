//! The test bed: what boots share, brought in once and built when it is first asked for.

use crate::boards::{BoardConfig, tree, virt};
use crate::build_cache::{Files, Once};
use crate::cache::Model;
use crate::job::{Parts, Tool};
use crate::machine::{Board, Level};
use crate::setup::{self, Consent, Need};
use crate::stage::{self, Built};
use crate::transcript::Transcript;
use crate::workspace::Workspace;
use crate::{initramfs, runner};
use anyhow::{Context, Result};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What each boot needs.
const NEEDS: [Need; 2] = [Need::Qemu, Need::Dtc];

/// What boots share. Each thing is built once, whichever boot asks first.
#[derive(Debug)]
pub(crate) struct TestBed {
    /// The project.
    pub(crate) ws: Workspace,
    consent: Consent,
    tool: Once<Tool>,
    stage: Once<Built>,
    talkative: Once<PathBuf>,
    full: Once<Built>,
    with_sentinel: Once<Built>,
    trespasser: Once<PathBuf>,
    bare: Once<Built>,
    payload: Once<Built>,
    model: Once<Model>,
    entry_shim: Once<PathBuf>,
    initrd: Once<PathBuf>,
    files: Files,
}

impl TestBed {
    /// Brings in what is missing: QEMU, dtc, and `more`.
    ///
    /// # Errors
    /// When something is missing and may not be brought in.
    pub(crate) fn set_up(ws: &Workspace, consent: Consent, more: &[Need]) -> Result<Self> {
        setup::ensure(ws, &[&NEEDS, more].concat(), consent)?;
        Ok(Self {
            ws: ws.clone(),
            consent,
            tool: Once::default(),
            stage: Once::default(),
            talkative: Once::default(),
            full: Once::default(),
            with_sentinel: Once::default(),
            trespasser: Once::default(),
            bare: Once::default(),
            payload: Once::default(),
            model: Once::default(),
            entry_shim: Once::default(),
            initrd: Once::default(),
            files: Files::default(),
        })
    }

    /// Returns the host tool.
    ///
    /// # Errors
    /// When it does not build.
    pub(crate) fn tool(&self) -> Result<Tool> {
        self.tool.get(|| Tool::build(&self.ws))
    }

    /// Returns the stage.
    ///
    /// # Errors
    /// When it does not build.
    pub(crate) fn stage(&self) -> Result<Built> {
        self.stage.get(|| stage::stage(&self.ws, self.consent))
    }

    /// Returns the stage that writes to the `virt` board's serial port when no tree names a console.
    ///
    /// # Errors
    /// When it does not build.
    pub(crate) fn talkative(&self) -> Result<PathBuf> {
        self.talkative.get(|| self.tool()?.with_console(&self.ws, &self.stage()?.image, virt::CONSOLE))
    }

    /// Returns the stage with everything that a build may leave out.
    ///
    /// # Errors
    /// When it does not build.
    pub(crate) fn full(&self) -> Result<Built> {
        self.full.get(|| stage::full(&self.ws, self.consent))
    }

    /// Returns the stage with the sentinel inside.
    ///
    /// # Errors
    /// When it does not build.
    pub(crate) fn with_sentinel(&self) -> Result<Built> {
        self.with_sentinel.get(|| stage::with_sentinel(&self.ws, self.consent))
    }

    /// Returns the payload that tries what the sentinel answers.
    ///
    /// # Errors
    /// When it does not build.
    pub(crate) fn trespasser(&self) -> Result<PathBuf> {
        self.trespasser.get(|| stage::trespasser(&self.ws, self.consent))
    }

    /// Returns the firmware that powers processors down for good.
    ///
    /// # Errors
    /// When it does not build.
    pub(crate) fn firmware(&self) -> Result<PathBuf> {
        stage::firmware(&self.ws, self.consent)
    }

    /// Returns the program that starts another kernel from Linux.
    ///
    /// # Errors
    /// When it does not build.
    pub(crate) fn next_kernel(&self) -> Result<Vec<u8>> {
        stage::next_kernel(&self.ws, self.consent)
    }

    /// Returns the stage without the EFI face.
    ///
    /// # Errors
    /// When it does not build.
    pub(crate) fn bare(&self) -> Result<Built> {
        self.bare.get(|| stage::bare(&self.ws, self.consent))
    }

    /// Returns the payload that checks its entry state.
    ///
    /// # Errors
    /// When it does not build.
    pub(crate) fn payload(&self) -> Result<Built> {
        self.payload.get(|| stage::payload(&self.ws, self.consent))
    }

    /// Returns the model of a cache that a newer QEMU loads.
    ///
    /// # Errors
    /// When it does not build.
    pub(crate) fn model(&self) -> Result<Model> {
        self.model.get(|| Model::build(&self.ws))
    }

    /// Returns the shim that enters the stage in states of real silicon.
    ///
    /// # Errors
    /// When it does not build.
    pub(crate) fn entry_shim(&self) -> Result<PathBuf> {
        self.entry_shim.get(|| Ok(stage::entry_shim(&self.ws, self.consent)?.image))
    }

    /// Returns the initramfs of the proving ground.
    ///
    /// # Errors
    /// When its busybox cannot be read or it cannot be written.
    pub(crate) fn initrd(&self) -> Result<PathBuf> {
        self.initrd.get(|| initramfs::build(&self.ws))
    }

    /// Returns a bundle of these parts. All callers share the file, so it must not be changed.
    ///
    /// # Errors
    /// When it cannot be packed.
    pub(crate) fn pack(&self, parts: &Parts) -> Result<PathBuf> {
        let key = format!("{parts:?}");
        let name = format!("shared-{:08x}", crc32fast::hash(key.as_bytes()));
        self.files.get(&key, || self.tool()?.pack(&self.ws, &name, parts))
    }

    /// Returns the tree of a board with its carveouts.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn tree(&self, board: &BoardConfig, level: Level) -> Result<PathBuf> {
        self.files.get(&format!("tree of {}", board.at(level)), || tree::whole(&self.ws, board, level))
    }

    /// Returns a file that is `what` made of other files, by the first caller who asks for it.
    ///
    /// # Errors
    /// That of `make`, or when the file cannot be written.
    pub(crate) fn file(
        &self,
        what: &str,
        of: &[&Path],
        extension: &str,
        make: impl FnOnce() -> Result<Vec<u8>>,
    ) -> Result<PathBuf> {
        self.made(what, of, |name| tree::keep(&self.ws.scratch_file("chain", name, extension)?, &make()?))
    }

    /// As [`file`](Self::file), by a program that writes it itself, under a name that it is given.
    ///
    /// # Errors
    /// That of `make`.
    pub(crate) fn made(
        &self,
        what: &str,
        of: &[&Path],
        make: impl FnOnce(&str) -> Result<PathBuf>,
    ) -> Result<PathBuf> {
        let key = format!("{what} {of:?}");
        let name = format!("{what}-{:08x}", crc32fast::hash(key.as_bytes()));
        self.files.get(&key, || make(&name))
    }

    /// Boots a board, keeps its console under the case's name, and returns it.
    ///
    /// # Errors
    /// When QEMU cannot be started, or the console cannot be kept.
    pub(crate) fn boot(&self, name: &str, board: &Board, limit: Duration) -> Result<Transcript> {
        self.boot_until(name, board, limit, None)
    }

    /// As [`boot`](Self::boot), for a board that does not end by itself: stops it when `enough` is true of
    /// its console.
    ///
    /// # Errors
    /// As for [`boot`](Self::boot).
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
