//! Keeps this machine's clock out of what is built, so that a build at another time has the same bytes.

use crate::shell::capture;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
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
