//! Builds the stage: the release ELF, and the flat image that a loader takes for a kernel.

use crate::elf_image;
use crate::renames::renames;
use crate::setup::{self, Consent};
use crate::shell::run;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

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

/// Builds the stage with the sentinel inside, which is built first.
pub(crate) fn with_sentinel(ws: &Workspace, consent: Consent) -> Result<Built> {
    let resident = resident(ws, consent)?;
    let features = ["--features", "sentinel"];
    binary_with(ws, consent, "ringfence-boot", "ringfence-sentinel", &features, |cargo| {
        cargo.env("RINGFENCE_RESIDENT", &resident);
    })
}

/// Builds every form in which the stage is given away, each with what it is, for the end of a sentence.
pub(crate) fn released(ws: &Workspace, consent: Consent) -> Result<[(Built, &'static str); 3]> {
    Ok([
        (stage(ws, consent)?, ""),
        (full(ws, consent)?, ", with all features"),
        (with_sentinel(ws, consent)?, ", with the sentinel"),
    ])
}

/// Builds the resident and returns its ELF file.
pub(crate) fn resident_elf(ws: &Workspace, consent: Consent) -> Result<Vec<u8>> {
    soft_binary(ws, consent, "ringfence-sentinel")
}

/// Builds the resident and returns its code and constants, a file of at most 16 KiB.
pub(crate) fn resident(ws: &Workspace, consent: Consent) -> Result<PathBuf> {
    /// Most bytes, as the link script asserts too.
    const CODE_MAX: usize = 16 << 10;
    let file = resident_elf(ws, consent)?;
    let image = elf_image::image(&file)?;
    ensure!(image.len() <= CODE_MAX, "the sentinel has {} bytes, more than 16 KiB", image.len());
    elf_image::without_vector_registers(&file)?;
    let path = ws.target.join("ringfence-resident.bin");
    // The stage is built again when the file is newer.
    if fs::read(&path).ok().as_ref() != Some(&image) {
        fs::write(&path, image)?;
    }
    Ok(path)
}

/// Builds the payload that tries what the sentinel answers.
pub(crate) fn trespasser(ws: &Workspace, consent: Consent) -> Result<PathBuf> {
    let path = ws.target.join("trespasser.img");
    fs::write(&path, elf_image::image(&soft_binary(ws, consent, "trespasser")?)?)?;
    Ok(path)
}

/// Builds the firmware that powers processors down for good.
pub(crate) fn firmware(ws: &Workspace, consent: Consent) -> Result<PathBuf> {
    let path = ws.target.join("test-firmware.img");
    fs::write(&path, elf_image::image(&soft_binary(ws, consent, "test-firmware")?)?)?;
    Ok(path)
}

/// Builds the program that starts another kernel from Linux.
pub(crate) fn next_kernel(ws: &Workspace, consent: Consent) -> Result<Vec<u8>> {
    soft_binary(ws, consent, "next-kernel")
}

/// Builds a program of the sentinel's package, for the target without vector registers.
fn soft_binary(ws: &Workspace, consent: Consent, bin: &str) -> Result<Vec<u8>> {
    let toolchain = setup::soft_toolchain(ws, consent)?;
    let target = ws.target.join("sentinel");
    let mut cargo = ws.cargo();
    cargo.args([
        "build",
        "--quiet",
        "--profile",
        "sentinel",
        "--package",
        "ringfence-sentinel",
        "--bin",
        bin,
    ]);
    cargo.env("CARGO_TARGET_DIR", &target);
    toolchain.apply(&mut cargo);
    toolchain.add_flags(&mut cargo, &flags(ws)?);
    run(&mut cargo).with_context(|| format!("building {bin} with {}", toolchain.description))?;
    let built = target.join(setup::SOFT_TARGET).join("sentinel").join(bin);
    fs::read(&built).with_context(|| format!("cannot read {}", built.display()))
}

/// Returns the flags of everything that runs on the bare machine. It is the same wherever it is built.
fn flags(ws: &Workspace) -> Result<String> {
    Ok(format!("{} {}", setup::WORKAROUNDS, renames(ws)?.join(" ")))
}

/// Builds the stage without the EFI face, to be measured.
pub(crate) fn bare(ws: &Workspace, consent: Consent) -> Result<Built> {
    binary(ws, consent, "ringfence-boot", "ringfence-bare", &["--no-default-features"])
}

/// Builds the payload that checks the state it was entered with.
pub(crate) fn payload(ws: &Workspace, consent: Consent) -> Result<Built> {
    binary(ws, consent, "probe-payload", "probe-payload", &[])
}

/// Builds the shim that enters the stage in states of real silicon.
pub(crate) fn entry_shim(ws: &Workspace, consent: Consent) -> Result<Built> {
    binary(ws, consent, "entry-shim", "entry-shim", &[])
}

fn binary(ws: &Workspace, consent: Consent, bin: &str, name: &str, more: &[&str]) -> Result<Built> {
    binary_with(ws, consent, bin, name, more, |_| {})
}

fn binary_with(
    ws: &Workspace,
    consent: Consent,
    bin: &str,
    name: &str,
    more: &[&str],
    prepare: impl FnOnce(&mut Command),
) -> Result<Built> {
    let toolchain = setup::toolchain(ws, consent)?;
    // Builds with other features get a directory of their own too, so that none is ever built twice.
    let target = ws.target.join(if more.is_empty() { "stage" } else { "stage-with-features" });
    let mut cargo = ws.cargo();
    cargo.args(["build", "--quiet", "--profile", "stage", "--package", "ringfence-boot", "--bin", bin]);
    cargo.args(more);
    // A target directory of its own keeps the flags of the host's builds and these from undoing each other.
    cargo.env("CARGO_TARGET_DIR", &target);
    toolchain.apply(&mut cargo);
    toolchain.add_flags(&mut cargo, &flags(ws)?);
    prepare(&mut cargo);
    run(&mut cargo).with_context(|| format!("building {name} with {}", toolchain.description))?;
    let built = target.join(setup::TARGET).join("stage").join(bin);
    let file = fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
    let image = ws.target.join(format!("{name}.img"));
    let elf = ws.target.join(format!("{name}.elf"));
    fs::write(&image, elf_image::image(&file).with_context(|| built.display().to_string())?)?;
    fs::write(&elf, file)?;
    Ok(Built { image, elf })
}
