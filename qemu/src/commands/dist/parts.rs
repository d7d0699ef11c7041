//! The list of parts (SBOM) of the tool: CycloneDX, from the lock file.

use super::Release;
use crate::setup::Tool;
use crate::shell::run;
use anyhow::{Context, Result};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Writes `ringfence-VERSION.cdx.json` and returns its path.
pub(super) fn write(release: &Release<'_>, target: &str) -> Result<PathBuf> {
    let mut cyclonedx = Command::new(Tool::Cyclonedx.program(release.ws));
    cyclonedx.args(["cyclonedx", "--quiet", "--format", "json", "--spec-version", "1.5"]);
    cyclonedx.args(["--target", target, "--override-filename", "parts", "--manifest-path"]);
    cyclonedx.arg(release.ws.root.join("cli/Cargo.toml")).current_dir(&release.ws.root);
    run(cyclonedx.env(super::epoch::EPOCH, &release.epoch))?;
    // It writes one beside each manifest of the workspace.
    let written = release.ws.root.join("cli/parts.json");
    let text = fs::read_to_string(&written).with_context(|| written.display().to_string())?;
    for package in ["boot", "cli", "efi", "qemu", "sentinel", "unpack", "."] {
        let _ = fs::remove_file(release.ws.root.join(package).join("parts.json"));
    }
    let list = release.dist.join(format!("ringfence-{}.cdx.json", release.version));
    // Packages of the workspace are named by their path, which is of this machine.
    let root = release.ws.root.display().to_string();
    fs::write(&list, text.replace(&root, "/ringfence"))?;
    Ok(list)
}
