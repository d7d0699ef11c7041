//! Compiles device tree sources.

use crate::shell::capture;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Compiles a source into the scratch directory and returns the blob's path.
///
/// Forced (`-f`) and quiet: many of these trees are wrong on purpose.
pub(crate) fn compile(ws: &Workspace, source: &Path) -> Result<PathBuf> {
    let stem = source.file_stem().context("a device tree source needs a name")?.to_string_lossy();
    let blob = ws.scratch_file("dtb", &stem, "dtb")?;
    // Tests compile the same tree side by side: none may see another's half-written blob.
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let unique = format!("{}-{}.tmp", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let beside = ws.scratch_file("dtb", &stem, &unique)?;
    let mut dtc = Command::new("dtc");
    dtc.args(["-f", "-q", "-q", "-@", "-I", "dts", "-O", "dtb", "-o"]).arg(&beside).arg(source);
    capture(&mut dtc).with_context(|| format!("compiling {}", source.display()))?;
    fs::rename(&beside, &blob).with_context(|| format!("cannot keep {}", blob.display()))?;
    Ok(blob)
}
