//! The tool as a Python wheel, which `pip install` puts into a virtual environment as it is.

use super::Release;
use super::notice::NOTICE;
use super::tool::Built;
use crate::setup::Tool;
use crate::shell::run;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest C library that pip and maturin both know; a static program runs with any.
const PLATFORM: &str = "manylinux2014";

/// Packs a wheel by maturin, with what cargo has built already.
pub(super) fn pack(release: &Release<'_>, built: &Built, notice: &Path) -> Result<()> {
    let project = project(release, built, notice)?;
    let mut maturin = Command::new(Tool::Maturin.program(release.ws));
    maturin.args(["build", "--quiet", "--release", "--locked", "--target", &built.arch.target()]);
    maturin.args(["--compatibility", PLATFORM]);
    maturin.arg("--out").arg(&release.dist).current_dir(project);
    maturin.env_remove("RUSTFLAGS").envs(built.cargo.iter().map(|(name, value)| (name, value)));
    run(maturin.env(super::epoch::EPOCH, &release.epoch))
}

/// Lays out the project in scratch space, with the notice among its licences: maturin takes them from beside
/// `pyproject.toml` alone.
fn project(release: &Release<'_>, built: &Built, notice: &Path) -> Result<PathBuf> {
    let root = &release.ws.root;
    let project = release.work.join(format!("wheel-{}", built.arch.name()));
    fs::create_dir_all(&project)?;
    for file in ["LICENSE", "LICENSE-APACHE", "LICENSE-MIT", "README.md"] {
        fs::copy(root.join(file), project.join(file)).with_context(|| file.to_owned())?;
    }
    fs::copy(notice, project.join(NOTICE))?;
    let settings = fs::read_to_string(root.join("pyproject.toml"))?;
    let manifest = "manifest-path = \"cli/Cargo.toml\"";
    ensure!(settings.contains(manifest), "pyproject.toml names another manifest");
    let there = format!("manifest-path = {:?}", root.join("cli/Cargo.toml"));
    fs::write(project.join("pyproject.toml"), settings.replace(manifest, &there))?;
    Ok(project)
}
