//! What boots with the sentinel share: the policies that want it.

use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// The sentinel as people who look at a console want it.
pub(crate) const ON_CONSOLE: &str = "console = \"uart\"\n";

/// Writes a policy that is another one and wants the sentinel, with these keys, unless it already does.
///
/// # Errors
/// When the policy cannot be read, or the new one cannot be written.
pub(crate) fn watching(ws: &Workspace, policy: Option<&Path>, name: &str, keys: &str) -> Result<PathBuf> {
    let text = match policy {
        Some(policy) => fs::read_to_string(policy).with_context(|| policy.display().to_string())?,
        None => String::new(),
    };
    let path = ws.scratch_file("sentinel", name, "toml")?;
    let is_there = text.lines().any(|line| line.trim() == "[sentinel]");
    let more = if is_there { String::new() } else { format!("\n[sentinel]\n{keys}") };
    fs::write(&path, text + &more)?;
    Ok(path)
}
