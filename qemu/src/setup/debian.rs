//! A Debian without a machine: laid out once by debootstrap, with Python and the device tree compiler, and
//! without Rust.

use super::{Release, archive};
use crate::shell::run;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is in it beside the base: what the packages recommend, and what a wheel is installed by.
const INCLUDED: &str = "device-tree-compiler,cpp,python3-venv";

/// Returns the root directory of a release.
pub(crate) fn root(ws: &Workspace, release: Release) -> PathBuf {
    ws.cache().join(format!("debian-{}", release.suite()))
}

/// Tells whether it was laid out to the end.
pub(super) fn is_there(ws: &Workspace, release: Release) -> bool {
    root(ws, release).is_dir()
}

/// Lays it out beside its place and moves it there whole.
pub(super) fn lay_out(ws: &Workspace, release: Release) -> Result<()> {
    let root = root(ws, release);
    let beside = root.with_extension("new");
    if beside.exists() {
        fs::remove_dir_all(&beside)?;
    }
    let mut debootstrap = Command::new("debootstrap");
    debootstrap.args(["--variant=minbase", "--include", INCLUDED, release.suite()]);
    run(debootstrap.arg(&beside).arg(archive::mirror()?)).context("debootstrap needs root")?;
    for kept in ["var/cache/apt/archives", "var/lib/apt/lists"] {
        empty(&beside.join(kept))?;
    }
    fs::rename(&beside, &root).with_context(|| root.display().to_string())
}

fn empty(directory: &Path) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
    }
    Ok(())
}
