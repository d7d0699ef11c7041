//! `cargo xtask dist`: what a release consists of, in one directory: the tool and the stage's images.

use crate::setup::Consent;
use crate::stage::{self, Built};
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use ringfence::kernel_image::Header;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;

mod tool;

/// The file that `sha256sum --check` reads.
const SUMS: &str = "SHA256SUMS";

/// What can be built by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Tool,
    Stage,
}

/// Options of `cargo xtask dist`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Build only one of these
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Install and fetch nothing
    #[arg(long)]
    no_install: bool,
}

/// Builds each part, checks it, and lays it out.
///
/// # Errors
/// When something does not build, when the tool is not static or does not run, or an image is none.
pub(crate) fn run(ws: &Workspace, options: &Options) -> Result<()> {
    let dist = ws.target.join("ringfence-dist");
    if dist.exists() {
        fs::remove_dir_all(&dist).with_context(|| dist.display().to_string())?;
    }
    fs::create_dir_all(&dist)?;
    let wanted = |part| options.only.is_none_or(|only| only == part);
    if wanted(Part::Tool) {
        tool::lay_out(ws, &dist)?;
    }
    if wanted(Part::Stage) {
        let consent = if options.no_install { Consent::Forbidden } else { Consent::Install };
        lay_out_stage(&stage::stage(ws, consent)?, &dist, "")?;
        lay_out_stage(&stage::full(ws, consent)?, &dist, ", with all features")?;
        lay_out_stage(&stage::with_sentinel(ws, consent)?, &dist, ", with the sentinel")?;
    }
    for license in ["LICENSE", "LICENSE-APACHE", "LICENSE-MIT"] {
        fs::copy(ws.root.join(license), dist.join(license)).with_context(|| license.to_string())?;
    }
    fs::write(dist.join(SUMS), sums(&dist)?)?;
    Ok(())
}

/// Copies an image and the ELF file by which `ringfence log` reads its log.
fn lay_out_stage(built: &Built, dist: &Path, what: &str) -> Result<()> {
    let image = fs::read(&built.image)?;
    let header = Header::parse(&image).with_context(|| built.image.display().to_string())?;
    let size = header.declared_size().context("the header states no size")?;
    ensure!(size > image.len() as u64, "{}: no room to run in", built.image.display());
    for file in [&built.image, &built.elf] {
        let name = file.file_name().context("a file without a name")?;
        fs::copy(file, dist.join(name)).with_context(|| file.display().to_string())?;
    }
    let name = built.image.file_name().unwrap_or_default();
    println!(
        "{}: an arm64 Image{what}, {} bytes, takes {} MiB where it is loaded",
        dist.join(name).display(),
        image.len(),
        size >> 20
    );
    Ok(())
}

/// Returns a line for each file of the directory itself; manual and completions can be read.
fn sums(dist: &Path) -> Result<String> {
    let mut files: Vec<_> = fs::read_dir(dist)?.collect::<Result<_, _>>()?;
    files.sort_by_key(fs::DirEntry::file_name);
    let mut lines = String::new();
    for file in files.iter().filter(|file| file.path().is_file()) {
        let digest: String =
            Sha256::digest(fs::read(file.path())?).iter().map(|byte| format!("{byte:02x}")).collect();
        lines += &format!("{digest}  {}\n", file.file_name().to_string_lossy());
    }
    Ok(lines)
}
