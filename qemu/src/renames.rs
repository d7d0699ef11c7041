//! Keeps this machine's directories out of what is built, so that a build elsewhere has the same bytes.

use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// Returns the compiler flags that give the directories of this machine other names.
pub(crate) fn renames(ws: &Workspace) -> Result<Vec<String>> {
    let mut flags = Vec::new();
    for (directory, name) in directories(ws)? {
        flags.push(format!("--remap-path-prefix={}={name}", directory.display()));
    }
    Ok(flags)
}

/// Checks that a file names none of the directories.
pub(crate) fn is_absent(ws: &Workspace, file: &Path) -> Result<()> {
    let bytes = fs::read(file)?;
    for (directory, _) in directories(ws)? {
        let name = directory.as_os_str().as_encoded_bytes();
        if let Some(at) = bytes.windows(name.len()).position(|window| window == name) {
            let rest = bytes.get(at..).unwrap_or_default();
            let path = rest.iter().take_while(|byte| byte.is_ascii_graphic()).take(200);
            let path: String = path.map(|&byte| char::from(byte)).collect();
            bail!("{} holds the path {path}, which is of this machine", file.display());
        }
    }
    Ok(())
}

/// Returns the directories that sources are compiled from, and their names in a release. The compiler takes
/// the last that fits: below the project, the target directory is a part of it.
fn directories(ws: &Workspace) -> Result<Vec<(PathBuf, &'static str)>> {
    let cargo = cargo_home()?;
    Ok(vec![(cargo, "/cargo"), (ws.target.clone(), "/target"), (ws.root.clone(), "/ringfence")])
}

/// Returns where cargo keeps the sources of registries.
fn cargo_home() -> Result<PathBuf> {
    let named = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo"));
    named.or(home).context("neither CARGO_HOME nor HOME is set")
}
