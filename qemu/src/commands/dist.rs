//! `cargo xtask dist`: what a release consists of, in one directory: the tool in the forms in which it is
//! installed, the stage's images, a list of parts, and sums. Two builds of one commit have the same bytes.

use crate::renames;
use crate::setup::{self, Consent, Need, Tool};
use crate::stage::{self, Built};
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use ringfence::kernel_image::Header;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

mod archive;
mod debian;
mod epoch;
mod notice;
mod parts;
mod recipes;
mod reproducible;
mod tool;
mod wheel;

pub(crate) use archive::copy_all;
pub(crate) use notice::{NOTICE, crates, notice};
pub(crate) use parts::Listed;
pub(crate) use recipes::SUMS_OF_RECIPES;
pub(crate) use tool::{Arch, BOARD, finds};
pub(crate) use wheel::{file_name as wheel_name, platforms as wheel_platforms};

/// The file that `sha256sum --check` reads.
pub(crate) const SUMS: &str = "SHA256SUMS";

/// What can be built by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Tool,
    Stage,
}

/// Options of `cargo xtask dist`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Options {
    /// Build only one of these
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Build the tool for the processor of this machine alone
    #[arg(long)]
    host_only: bool,
    /// Build a second time in another directory, and compare all bytes
    #[arg(long)]
    check_reproducible: bool,
    /// Install and fetch nothing
    #[arg(long)]
    no_install: bool,
}

/// What the forms of a release have in common.
struct Release<'a> {
    ws: &'a Workspace,
    version: &'static str,
    /// The time that files have, in seconds since 1970.
    epoch: String,
    /// Where the release is laid out.
    dist: PathBuf,
    /// Scratch space.
    work: PathBuf,
    /// Manual and completions.
    texts: PathBuf,
}

/// Returns where a release is laid out.
pub(crate) fn directory(ws: &Workspace) -> PathBuf {
    ws.target.join("ringfence-dist")
}

/// Builds each part, checks it, and lays it out.
///
/// # Errors
/// When something does not build, when the tool is not static or does not run, or an image is none.
pub(crate) fn run(ws: &Workspace, options: &Options) -> Result<()> {
    let consent = if options.no_install { Consent::Forbidden } else { Consent::Install };
    let (dist, work) = (directory(ws), ws.scratch("dist")?);
    // One part alone joins what is there of the other.
    let emptied = [Some(&work), options.only.is_none().then_some(&dist)];
    for directory in emptied.into_iter().flatten().filter(|directory| directory.exists()) {
        fs::remove_dir_all(directory).with_context(|| directory.display().to_string())?;
    }
    for directory in [&dist, &work] {
        fs::create_dir_all(directory)?;
    }
    for made in [&[SUMS], SUMS_OF_RECIPES.as_slice()].concat() {
        let _ = fs::remove_file(dist.join(made));
    }
    let version = env!("CARGO_PKG_VERSION");
    let texts = work.join("texts");
    let release = Release { ws, version, epoch: epoch::epoch(ws)?, dist, work, texts };
    debian::warn_without_address();
    let wanted = |part| options.only.is_none_or(|only| only == part);
    if wanted(Part::Tool) {
        lay_out_tool(&release, options.host_only, consent)?;
    }
    if wanted(Part::Stage) {
        setup::ensure(ws, &[Need::Dpkg, Need::Tool(Tool::Cyclonedx)], consent)?;
        let mut files = Vec::new();
        for (built, what) in &stage::released(ws, consent)? {
            renames::is_absent(ws, &built.elf)?;
            files.extend(lay_out_stage(built, &release.dist, what)?);
        }
        let notice = write_notice(&release, Listed::Stage)?;
        archive::pack_stage(&release, &files, &notice)?;
        debian::pack_stage(&release, &files, &parts::write(&release, Listed::Stage)?, &notice)?;
    }
    for license in ["LICENSE", "LICENSE-APACHE", "LICENSE-MIT"] {
        fs::copy(ws.root.join(license), release.dist.join(license)).with_context(|| license.to_string())?;
    }
    recipes::write(&release, &sums(&release.dist)?)?;
    // Of those files, too.
    let sums = sums(&release.dist)?;
    let line = |(digest, name): &(String, String)| format!("{digest}  {name}\n");
    fs::write(release.dist.join(SUMS), sums.iter().map(line).collect::<String>())?;
    if options.check_reproducible {
        reproducible::check(&release, options)?;
    }
    for sum in &sums {
        print!("{}", line(sum));
    }
    Ok(())
}

/// Lays out the tool in each form.
fn lay_out_tool(release: &Release<'_>, host_only: bool, consent: Consent) -> Result<()> {
    let ws = release.ws;
    let mut needs = vec![Need::Dpkg];
    needs.extend([Tool::Maturin, Tool::Wheel, Tool::Cyclonedx].map(Need::Tool));
    setup::ensure(ws, &needs, consent)?;
    let all = tool::build(ws, host_only, consent)?;
    let host = all.iter().find(|built| built.arch.is_host()).context("not built for this machine")?;
    tool::write_texts(&host.program, &release.texts)?;
    // As it is, for whoever built it.
    fs::copy(&host.program, release.dist.join("ringfence"))?;
    for built in &all {
        let listed = Listed::Tool(built.arch);
        let notice = write_notice(release, listed)?;
        archive::pack_tool(release, built, &notice)?;
        debian::pack_tool(release, built, &parts::write(release, listed)?, &notice)?;
        wheel::pack(release, built, &notice)?;
    }
    Ok(())
}

/// Lays out the notice about what is linked into a program, and returns its path.
fn write_notice(release: &Release<'_>, listed: Listed) -> Result<PathBuf> {
    let file = release.dist.join(listed.notice());
    fs::write(&file, notice(release.ws, listed)?)?;
    Ok(file)
}

/// Copies an image and the ELF file by which `ringfence log` reads its log, and returns both.
fn lay_out_stage(built: &Built, dist: &Path, what: &str) -> Result<Vec<PathBuf>> {
    let image = fs::read(&built.image)?;
    let header = Header::parse(&image).with_context(|| built.image.display().to_string())?;
    let size = header.declared_size().context("the header states no size")?;
    ensure!(size > image.len() as u64, "{}: no room to run in", built.image.display());
    let mut files = Vec::new();
    for file in [&built.image, &built.elf] {
        let name = file.file_name().context("a file without a name")?;
        fs::copy(file, dist.join(name)).with_context(|| file.display().to_string())?;
        files.push(dist.join(name));
    }
    let name = built.image.file_name().unwrap_or_default();
    println!(
        "{}: an arm64 Image{what}, {} bytes, takes {} MiB where it is loaded",
        dist.join(name).display(),
        image.len(),
        size >> 20
    );
    Ok(files)
}

/// Returns the SHA-256 and the name of each file of the directory, but of the sums themselves.
fn sums(dist: &Path) -> Result<Vec<(String, String)>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dist)? {
        names.push(entry?.file_name());
    }
    names.retain(|name| name != SUMS);
    names.sort();
    let mut sums = Vec::new();
    for name in names {
        let digest = Sha256::digest(fs::read(dist.join(&name))?);
        let digest = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        sums.push((digest, name.to_string_lossy().into_owned()));
    }
    Ok(sums)
}
