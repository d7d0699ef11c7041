//! The tool as a Python wheel, which `pip install` puts into a virtual environment as it is.

use super::Release;
use super::tool::Built;
use crate::setup::Tool;
use crate::shell::run;
use anyhow::Result;
use std::process::Command;

/// The oldest C library that pip and maturin both know; a static program runs with any.
const PLATFORM: &str = "manylinux2014";

/// Packs a wheel by maturin, with what cargo has built already.
pub(super) fn pack(release: &Release<'_>, built: &Built) -> Result<()> {
    let mut maturin = Command::new(Tool::Maturin.program(release.ws));
    maturin.args(["build", "--quiet", "--release", "--locked", "--target", &built.arch.target()]);
    maturin.args(["--compatibility", PLATFORM]);
    maturin.arg("--out").arg(&release.dist).current_dir(&release.ws.root);
    maturin.env_remove("RUSTFLAGS").envs(built.cargo.iter().map(|(name, value)| (name, value)));
    run(maturin.env(super::epoch::EPOCH, &release.epoch))
}
