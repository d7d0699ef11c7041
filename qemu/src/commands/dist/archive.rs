//! Archives with one directory each: for every Linux, and for programs that install from them.

use super::Release;
use super::notice::NOTICE;
use super::tool::Built;
use crate::shell::run;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Packs `ringfence-VERSION-PROCESSOR-linux.tar.gz`.
pub(super) fn pack_tool(release: &Release<'_>, built: &Built, notice: &Path) -> Result<()> {
    let name = format!("ringfence-{}-{}-linux", release.version, built.arch.name());
    let directory = release.work.join(&name);
    fs::create_dir_all(&directory)?;
    fs::copy(&built.program, directory.join("ringfence"))?;
    for texts in ["man", "completions"] {
        copy_all(&release.texts.join(texts), &directory.join(texts))?;
    }
    pack(release, &name, notice)
}

/// Packs `ringfence-stage-VERSION.tar.gz` with these files.
pub(super) fn pack_stage(release: &Release<'_>, files: &[PathBuf], notice: &Path) -> Result<()> {
    let name = format!("ringfence-stage-{}", release.version);
    fs::create_dir_all(release.work.join(&name))?;
    for file in files {
        let kept = file.file_name().context("a file without a name")?;
        fs::copy(file, release.work.join(&name).join(kept))?;
    }
    pack(release, &name, notice)
}

/// Packs a directory of the scratch space, with what every archive has.
fn pack(release: &Release<'_>, name: &str, notice: &Path) -> Result<()> {
    for file in ["LICENSE", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "CHANGELOG.md"] {
        let kept = release.work.join(name).join(file);
        fs::copy(release.ws.root.join(file), kept).with_context(|| file.to_owned())?;
    }
    fs::copy(notice, release.work.join(name).join(NOTICE))?;
    let archive = release.dist.join(format!("{name}.tar.gz"));
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mode=u=rwX,go=rX"]);
    tar.arg(format!("--mtime=@{}", release.epoch)).arg("--use-compress-program=gzip -9n");
    run(tar.arg("-C").arg(&release.work).arg("-cf").arg(&archive).arg(name))
}

/// Copies a directory with all below it.
pub(crate) fn copy_all(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_all(&entry.path(), &to)?,
            false => drop(fs::copy(entry.path(), to)?),
        }
    }
    Ok(())
}
