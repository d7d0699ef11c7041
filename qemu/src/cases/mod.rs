//! The boots that the tests are made of: each is a name and a function that says what it saw, or what is
//! wrong.

mod alignment;
mod appended_tree;
mod at_stage;
mod bad_input;
mod bootm;
mod cache;
mod chain;
mod console;
mod consumers;
mod crash;
mod documented;
mod efi;
mod entry;
mod heaps;
mod hostile;
mod linux;
mod many_boards;
mod on_error;
mod payload;
mod persistent_log;
mod placement;
mod predicted;
mod pressure;
mod repaired;
mod same_answer;
mod scenario;
mod sentinel;
mod watchdog;

pub(crate) use bad_input::{jump_to, overwrite};

use crate::test_bed::TestBed;
use crate::transcript::Transcript;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};

/// One test.
pub(crate) struct Case {
    /// Its name, unique and fit for a file.
    pub(crate) name: String,
    /// Boots and checks; returns a short summary.
    #[allow(clippy::type_complexity, reason = "one function, spelled out once")]
    pub(crate) run: Box<dyn Fn(&TestBed, &str) -> Result<String> + Send + Sync>,
    /// Whether it runs only when long tests are asked for, or when it is named.
    pub(crate) is_long: bool,
}

impl Case {
    pub(crate) fn new(
        name: impl Into<String>,
        run: impl Fn(&TestBed, &str) -> Result<String> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), run: Box::new(run), is_long: false }
    }

    /// Makes it one that runs only when it is asked for.
    fn long(self) -> Self {
        Self { is_long: true, ..self }
    }
}

/// Returns every boot, in the order of the table.
///
/// # Errors
/// When an expectation file cannot be read.
pub(crate) fn all(ws: &Workspace) -> Result<Vec<Case>> {
    let mut cases = linux::cases();
    cases.extend(chain::cases());
    cases.extend(cache::cases());
    cases.extend(alignment::cases());
    cases.extend(bootm::cases());
    cases.extend(documented::cases());
    cases.extend(crash::cases());
    cases.extend(efi::cases());
    cases.extend(pressure::cases());
    cases.extend(persistent_log::cases());
    cases.extend(on_error::cases());
    cases.extend(console::cases());
    cases.extend(payload::cases());
    cases.extend(sentinel::cases());
    cases.extend(placement::cases());
    cases.extend(entry::cases());
    cases.extend(scenario::cases(ws)?);
    cases.extend(repaired::cases(ws)?);
    cases.extend(same_answer::cases(ws)?);
    cases.extend(bad_input::cases());
    cases.extend(at_stage::cases());
    cases.extend(many_boards::cases());
    cases.extend(appended_tree::cases());
    cases.extend(watchdog::cases());
    cases.extend(hostile::cases());
    Ok(cases)
}

/// Returns the boots by UEFI under every firmware, kernel, level and amount of RAM.
pub(crate) fn efi_matrix() -> Vec<Case> {
    efi::matrix()
}

/// Returns the boots of a kernel that is built from sources.
pub(crate) fn of_built() -> Vec<Case> {
    [heaps::cases(), consumers::cases()].into_iter().flatten().collect()
}

/// Fails unless the stage refused: a `HALT` line, no Linux, no panic, and the board powered off by itself.
fn refused(transcript: &Transcript) -> Result<&str> {
    if let Some(line) = transcript.panic() {
        anyhow::bail!("panic: {line}");
    }
    ensure!(transcript.section("cmdline").is_empty(), "Linux was started");
    let halt = transcript.stage().find(|line| line.starts_with("HALT "));
    let tail = || format!("{}\n{}", transcript.tail(8), transcript.complaints);
    let halt = halt.with_context(|| format!("no HALT; {}; the end was:\n{}", transcript.ending, tail()))?;
    let ending = &transcript.ending;
    ensure!(*ending == crate::transcript::Ending::PoweredOff, "after the HALT the board {ending}");
    Ok(halt)
}
