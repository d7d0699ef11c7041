//! cargo-mutants, which makes the mutants and runs the tests on them.

use crate::shell::{run as run_command, words};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Its exit codes (`src/exit_code.rs` of version 27): when all is caught, when something is missed and when
/// something ran out of time, which its lists say better; and that of `timeout` when the time is over.
const TRIED: [i32; 4] = [0, 2, 3, 124];
/// Its exit code when the tests fail without any change.
const BASELINE_FAILED: i32 = 4;

/// Seconds after which a mutant that loops is stopped.
const TIMEOUT: &str = "180";

/// The program, and how long it may run.
pub(super) struct CargoMutants<'w> {
    pub(super) ws: &'w Workspace,
    program: PathBuf,
    end: Option<Instant>,
}

impl<'w> CargoMutants<'w> {
    /// Finds it in the cache of this project, where it is installed if it is missing.
    pub(super) fn find(ws: &'w Workspace, end: Option<Instant>) -> Result<Self> {
        let root = ws.cache().join("cargo-mutants");
        let program = root.join("bin/cargo-mutants");
        if !program.is_file() {
            println!("mutants: cargo-mutants is missing; installing it into {}", root.display());
            let mut cargo = ws.cargo();
            cargo.args(["install", "cargo-mutants", "--locked", "--root"]).arg(&root);
            run_command(&mut cargo)?;
        }
        Ok(Self { ws, program, end })
    }

    /// Returns whether there is time for another round.
    pub(super) fn has_time(&self) -> bool {
        self.end.is_none_or(|end| Instant::now() < end)
    }

    /// Returns the names of the mutants of a module, or of a shard of it.
    pub(super) fn list(&self, module: &str, shard: Option<&str>) -> Result<Vec<String>> {
        let mut command = self.command(module, Command::new(&self.program));
        command.arg("--list").args(shard.map(|shard| format!("--shard={shard}")));
        let out = command.output().with_context(|| words(&command))?;
        let complaints = String::from_utf8_lossy(&out.stderr);
        ensure!(out.status.success(), "{}: {complaints}", words(&command));
        let names: Vec<String> = String::from_utf8(out.stdout)?.lines().map(String::from).collect();
        ensure!(!names.is_empty() || shard.is_some(), "no mutants: the core has no module {module}");
        Ok(names)
    }

    /// Tries what the lists in `out` leave with the tests in these targets that a filter picks.
    pub(super) fn round(&self, module: &str, out: &Path, targets: &[&str], filter: &[&str]) -> Result<()> {
        let mut mutants = match self.end {
            None => Command::new(&self.program),
            // Interrupted, it stops what it runs and removes its copy of the sources.
            Some(end) => {
                let seconds = end.saturating_duration_since(Instant::now()).as_secs().max(1);
                let mut timeout = Command::new("timeout");
                timeout.args(["--signal=INT", "--kill-after=60"]).arg(seconds.to_string()).arg(&self.program);
                timeout
            }
        };
        mutants = self.command(module, mutants);
        mutants.args(["--timeout", TIMEOUT, "--no-shuffle", "--iterate", "--output"]);
        mutants.arg(out);
        // As arguments of every command of cargo: what is only run with them is still built without.
        mutants.args(targets.iter().map(|target| format!("--cargo-arg={target}")));
        mutants.args(["--", "--"]).args(filter);
        // Without line tables a build takes two thirds of the time.
        mutants.envs([("PROPTEST_CASES", "60"), ("CARGO_PROFILE_DEV_DEBUG", "none")]);
        for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"] {
            mutants.env_remove(name);
        }
        let status = mutants.status().with_context(|| words(&mutants))?;
        judge(&words(&mutants), status.code())
    }

    fn command(&self, module: &str, mut command: Command) -> Command {
        command.current_dir(&self.ws.root).args(["mutants", "--package", "ringfence", "--colors", "never"]);
        command.args(["--file", &format!("src/{module}/**"), "--file", &format!("src/{module}.rs")]);
        command
    }
}

/// Returns whether the lists of a run can be believed.
///
/// # Errors
/// When the tests cannot be run, or fail without any change: every mutant would then look as if it were
/// caught.
fn judge(command: &str, code: Option<i32>) -> Result<()> {
    match code {
        Some(code) if TRIED.contains(&code) => Ok(()),
        Some(BASELINE_FAILED) => bail!("the tests fail before anything is changed; see above (`{command}`)"),
        _ => bail!("`{command}` ended with {code:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_tested_is_not_taken_for_caught() {
        for tried in TRIED {
            judge("it", Some(tried)).unwrap();
        }
        let why = judge("it", Some(BASELINE_FAILED)).unwrap_err().to_string();
        assert!(why.contains("before anything is changed"), "{why}");
        for broken in [Some(1), Some(70), None] {
            assert!(judge("it", broken).is_err(), "{broken:?}");
        }
    }
}
