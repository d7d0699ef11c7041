//! Keeps this machine out of what is built: its paths and its clock, so that a build elsewhere has the same
//! bytes.

use crate::shell::capture;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable with the time of a build, in seconds since 1970 (reproducible-builds.org).
pub(super) const EPOCH: &str = "SOURCE_DATE_EPOCH";

/// Returns the time that files of a release have: that of the variable, or that of the last commit.
pub(super) fn epoch(ws: &Workspace) -> Result<String> {
    if let Ok(named) = std::env::var(EPOCH) {
        return Ok(named);
    }
    let git = capture(Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(&ws.root));
    Ok(git.with_context(|| format!("without a repository, set {EPOCH}"))?.trim().to_owned())
}

/// Returns the compiler flags that give the directories of this machine other names.
pub(super) fn renames(ws: &Workspace) -> Result<Vec<String>> {
    let mut flags = Vec::new();
    for (directory, name) in directories(ws)? {
        flags.push(format!("--remap-path-prefix={}={name}", directory.display()));
    }
    Ok(flags)
}

/// Checks that a file names none of the directories.
pub(super) fn is_absent(ws: &Workspace, file: &Path) -> Result<()> {
    let bytes = fs::read(file)?;
    for (directory, _) in directories(ws)? {
        let name = directory.as_os_str().as_encoded_bytes();
        if bytes.windows(name.len()).any(|window| window == name) {
            bail!("{} holds the path {}, which is of this machine", file.display(), directory.display());
        }
    }
    Ok(())
}

/// Returns the directories that sources are compiled from, and their names in a release. The compiler takes
/// the last that fits.
fn directories(ws: &Workspace) -> Result<Vec<(PathBuf, &'static str)>> {
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo"));
    let cargo = cargo.or(home).context("neither CARGO_HOME nor HOME is set")?;
    Ok(vec![(cargo, "/cargo"), (ws.target.clone(), "/target"), (ws.root.clone(), "/ringfence")])
}
