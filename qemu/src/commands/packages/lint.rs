//! The Debian packages as lintian judges them. What it would complain about and is meant so has its reason in
//! the package, as an override.

use crate::shell::capture;
use anyhow::Result;
use std::path::PathBuf;
use std::process::Command;

/// Checks that packages have neither an error nor a warning, and returns what was seen.
pub(super) fn check(debs: &[PathBuf]) -> Result<String> {
    let mut lintian = Command::new("lintian");
    lintian.args(["--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0"]).args(debs);
    // Its findings are on its standard output.
    let output = lintian.output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    anyhow::ensure!(output.status.success(), "lintian:\n{said}{}", String::from_utf8_lossy(&output.stderr));
    let version = capture(Command::new("lintian").arg("--print-version"))?;
    Ok(format!("lintian {}: no error and no warning in {} packages", version.trim_end(), debs.len()))
}
