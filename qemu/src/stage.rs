//! Builds the stage: the release ELF, and the flat image that a loader takes for a kernel.

use crate::elf_image;
use crate::setup::{self, Consent};
use crate::shell::run;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fs;
use std::path::PathBuf;

/// The files of a build of the bare-metal package.
#[derive(Clone, Debug)]
pub(crate) struct Built {
    /// The flat image.
    pub(crate) image: PathBuf,
    /// The ELF file beside it, with symbols and the log's strings.
    pub(crate) elf: PathBuf,
}

/// Builds the stage and puts `ringfence.img` and `ringfence.elf` into the target directory.
pub(crate) fn stage(ws: &Workspace, consent: Consent) -> Result<Built> {
    binary(ws, consent, "ringfence-boot", "ringfence", &[])
}

/// Builds the stage with everything that a build may leave out: packed kernels.
pub(crate) fn full(ws: &Workspace, consent: Consent) -> Result<Built> {
    binary(ws, consent, "ringfence-boot", "ringfence-full", &["--features", "packed,overlays"])
}

/// Builds the stage without the EFI face, to be measured.
pub(crate) fn bare(ws: &Workspace, consent: Consent) -> Result<Built> {
    binary(ws, consent, "ringfence-boot", "ringfence-bare", &["--no-default-features"])
}

/// Builds the payload that checks the state it was entered with.
pub(crate) fn payload(ws: &Workspace, consent: Consent) -> Result<Built> {
    binary(ws, consent, "probe-payload", "probe-payload", &[])
}

fn binary(ws: &Workspace, consent: Consent, bin: &str, name: &str, more: &[&str]) -> Result<Built> {
    let toolchain = setup::toolchain(ws, consent)?;
    // Builds with other features get a directory of their own too, so that none is ever built twice.
    let target = ws.target.join(if more.is_empty() { "stage" } else { "stage-with-features" });
    let mut cargo = ws.cargo();
    cargo.args(["build", "--quiet", "--profile", "stage", "--package", "ringfence-boot", "--bin", bin]);
    cargo.args(more);
    // A target directory of its own keeps the flags of the host's builds and these from undoing each other.
    cargo.env("CARGO_TARGET_DIR", &target);
    toolchain.apply(&mut cargo);
    run(&mut cargo).with_context(|| format!("building {name} with {}", toolchain.description))?;
    let built = target.join(setup::TARGET).join("stage").join(bin);
    let file = fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
    let image = ws.target.join(format!("{name}.img"));
    let elf = ws.target.join(format!("{name}.elf"));
    fs::write(&image, elf_image::image(&file).with_context(|| built.display().to_string())?)?;
    fs::write(&elf, file)?;
    Ok(Built { image, elf })
}
