//! `cargo xtask packages`: checks the files that `cargo xtask dist` has made as their users would, installs
//! them in a Debian without Rust, uses them, removes them, and checks that nothing is left.

mod contents;
mod debian;
mod lint;
mod notice;
mod parts;
mod sums;

use super::dist::{self, Arch, BOARD, Listed, finds};
use super::recipes;
use crate::setup::{self, Consent, Need, Release, Tool};
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use clap::Args;
use contents::Forms;
use debian::Debian;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Options of `cargo xtask packages`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Try only this release of Debian: 12 or 13
    #[arg(long)]
    debian: Option<Release>,
    /// Install and fetch nothing
    #[arg(long)]
    no_install: bool,
}

/// Runs the command.
///
/// # Errors
/// When a package does not install, work or go.
pub(crate) fn run(ws: &Workspace, options: &Options) -> Result<()> {
    let consent = if options.no_install { Consent::Forbidden } else { Consent::Install };
    let releases: Vec<Release> = Release::ALL
        .into_iter()
        .filter(|release| options.debian.is_none_or(|only| only == *release))
        .collect();
    let mut needs = vec![Need::Dpkg, Need::Dtc, Need::Lintian, Need::Tool(Tool::Maturin), Need::Debootstrap];
    needs.extend(releases.iter().map(|release| Need::Debian(*release)));
    setup::ensure(ws, &needs, consent)?;
    let files = check(ws, consent)?;
    for release in releases {
        let debian = Debian { root: setup::debian_root(ws, release) };
        debian.try_all(ws, &files).with_context(|| format!("Debian {}", release.number()))?;
        println!(
            "Debian {}: {} and {} install, find the README's overlap, and leave nothing",
            release.number(),
            name(&files.tool)?,
            name(&files.wheel)?
        );
    }
    Ok(())
}

/// Checks the files of a release without installing them, and returns those that this machine installs.
fn check(ws: &Workspace, consent: Consent) -> Result<Files> {
    let dist = dist::directory(ws);
    let unpacked = ws.scratch("packages")?;
    fs::remove_dir_all(&unpacked)?;
    println!("{}", sums::check(&dist)?);
    let stage = contents::check_stage(&dist, &unpacked.join("stage"))?;
    let (mut debs, mut first, mut own) = (vec![stage.clone()], None, None);
    for forms in Arch::ALL.map(|arch| Forms::of(&dist, arch)) {
        let name = forms.arch.name();
        if forms.are_left_out() && !forms.arch.is_host() {
            println!("{name}: left out of this release");
            continue;
        }
        let (program, around) = forms.unpack(ws, &unpacked)?;
        setup::ensure(ws, forms.arch.needs(), consent)?;
        finds(forms.arch.run(ws, &program).args(["check", "--no-config"]).arg(ws.root.join(BOARD)))?;
        println!(
            "{name}: archive, Debian package and wheel have one program, which finds the README's overlap"
        );
        match &first {
            None => first = Some(around),
            Some(first) => contents::are_same(first, &around)?,
        }
        debs.push(forms.deb.clone());
        if forms.arch.is_host() {
            own = Some(Files { tool: forms.deb, stage: stage.clone(), wheel: forms.wheel });
        }
    }
    println!("{}", lint::check(&debs)?);
    println!("{}", parts::check(ws, &dist)?);
    println!("{}", notice::check(ws, &dist)?);
    println!("{}", recipes::fetch_release(ws, &dist)?);
    own.context("the tool is not built for this machine")
}

/// The files of a release that are for this machine.
struct Files {
    tool: PathBuf,
    stage: PathBuf,
    wheel: PathBuf,
}

impl Files {
    fn debs(&self) -> [&PathBuf; 2] {
        [&self.tool, &self.stage]
    }
}

fn name(file: &Path) -> Result<String> {
    Ok(file.file_name().context("a file without a name")?.to_string_lossy().into_owned())
}

/// Returns what a release has a list of parts and a notice of: not a processor that it leaves out.
fn listed(dist: &Path) -> Vec<Listed> {
    let all = Arch::ALL.map(Listed::Tool).into_iter().chain([Listed::Stage]);
    all.filter(|listed| dist.join(listed.file().replace(".cdx.json", ".tar.gz")).exists()).collect()
}

/// Returns everything below a directory, through no link.
fn below(directory: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut all = BTreeSet::new();
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            all.extend(below(&entry.path())?);
        }
        all.insert(entry.path());
    }
    Ok(all)
}
