//! The tool as a Python wheel, which `pip install` puts into a virtual environment as it is.

use super::Release;
use super::notice::NOTICE;
use super::tool::{Arch, Built};
use crate::setup::Tool;
use crate::shell::{capture, run};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest GNU C library that pip and maturin both know; a static program runs with any.
const GNU: &str = "manylinux2014";
/// The oldest musl that pip knows, for Alpine. Maturin refuses it for what was compiled with the GNU C
/// library, because it thinks of programs that load theirs.
const MUSL: &str = "musllinux_1_1";

/// Returns the platforms of which pip takes the wheel for a processor, in the words of its `--platform`.
pub(crate) fn platforms(arch: Arch) -> [String; 2] {
    [GNU, MUSL].map(|platform| format!("{platform}_{}", arch.name()))
}

/// Returns the name of the wheel for a processor: it has every platform, under each of its names.
pub(crate) fn file_name(arch: Arch) -> String {
    let [gnu, musl] = platforms(arch);
    format!(
        "ringfence-{}-py3-none-{gnu}.manylinux_2_17_{}.{musl}.whl",
        env!("CARGO_PKG_VERSION"),
        arch.name()
    )
}

/// Packs a wheel by maturin, with what cargo has built already.
pub(super) fn pack(release: &Release<'_>, built: &Built, notice: &Path) -> Result<()> {
    let project = project(release, built, notice)?;
    let mut maturin = Command::new(Tool::Maturin.program(release.ws));
    maturin.args(["build", "--quiet", "--release", "--locked", "--target", &built.arch.target()]);
    maturin.args(["--compatibility", GNU]).args(["--out", "packed"]).current_dir(&project);
    maturin.env_remove("RUSTFLAGS").envs(built.cargo.iter().map(|(name, value)| (name, value)));
    run(maturin.env(super::epoch::EPOCH, &release.epoch))?;
    let packed = project.join("packed");
    let wheel = fs::read_dir(&packed)?.next().context("maturin has packed no wheel")??.path();
    let mut tags = Command::new(Tool::Wheel.program(release.ws));
    tags.args(["tags", "--remove", &format!("--platform-tag=+{MUSL}_{}", built.arch.name())]).arg(wheel);
    capture(tags.env(super::epoch::EPOCH, &release.epoch))?;
    let name = file_name(built.arch);
    fs::copy(packed.join(&name), release.dist.join(&name)).with_context(|| name.clone())?;
    Ok(())
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
