//! Compiles device tree sources.

use crate::shell::capture;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles a source into the scratch directory and returns the blob's path.
///
/// Forced (`-f`) and quiet: many of these trees are wrong on purpose.
pub(crate) fn compile(ws: &Workspace, source: &Path) -> Result<PathBuf> {
    let stem = source.file_stem().context("a device tree source needs a name")?;
    let blob = ws.scratch("dtb")?.join(stem).with_extension("dtb");
    let mut dtc = Command::new("dtc");
    dtc.args(["-f", "-q", "-q", "-@", "-I", "dts", "-O", "dtb", "-o"]).arg(&blob).arg(source);
    capture(&mut dtc).with_context(|| format!("compiling {}", source.display()))?;
    Ok(blob)
}
