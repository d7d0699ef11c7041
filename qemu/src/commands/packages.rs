//! `cargo xtask packages`: installs what `cargo xtask dist` has made in a Debian without Rust, uses it,
//! removes it, and checks that nothing is left.

use super::dist;
use crate::setup::{self, Consent, Need, Release};
use crate::shell::capture;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// Where the files are that are tried, in the Debian.
const TRIED: &str = "/tmp/ringfence";
/// What changes with every package, in files that belong to none.
const ADMINISTRATION: [&str; 4] = ["var/lib/dpkg", "var/log", "var/cache", "tmp"];
/// The finding of the README, in the words of the tool.
const FINDING: &str = "error[RF201]: /reserved-memory/camera@84300000: overlaps wpss@84800000 by 2 MiB";

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
    let mut needs = vec![Need::Debootstrap];
    needs.extend(releases.iter().map(|release| Need::Debian(*release)));
    setup::ensure(ws, &needs, consent)?;
    let files = Files::find(ws)?;
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

/// The files of a release that are for this machine.
struct Files {
    tool: PathBuf,
    /// `cargo xtask dist --only tool` makes none.
    stage: Option<PathBuf>,
    wheel: PathBuf,
}

impl Files {
    fn find(ws: &Workspace) -> Result<Self> {
        let dist = dist::directory(ws);
        let (debian, python) = match std::env::consts::ARCH {
            "x86_64" => ("_amd64.deb", "x86_64.whl"),
            _ => ("_arm64.deb", "aarch64.whl"),
        };
        let mut found = Vec::new();
        for entry in
            fs::read_dir(&dist).with_context(|| format!("{}: run `cargo xtask dist`", dist.display()))?
        {
            found.push(entry?.path());
        }
        let one = |end: &str| {
            let file = found.iter().find(|path| path.to_string_lossy().ends_with(end));
            file.cloned().with_context(|| format!("no *{end} in {}: run `cargo xtask dist`", dist.display()))
        };
        Ok(Self { tool: one(debian)?, stage: one("_all.deb").ok(), wheel: one(python)? })
    }

    fn debs(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.tool].into_iter().chain(&self.stage)
    }
}

/// A Debian, entered by chroot.
struct Debian {
    root: PathBuf,
}

impl Debian {
    fn try_all(&self, ws: &Workspace, files: &Files) -> Result<()> {
        ensure!(!self.path("/usr/bin/rustc").exists(), "there is a Rust in it");
        ensure!(!self.path("/usr/bin/ringfence").exists(), "ringfence is installed in it");
        let tried = self.path(TRIED);
        if tried.exists() {
            fs::remove_dir_all(&tried)?;
        }
        fs::create_dir_all(&tried)?;
        fs::copy(ws.root.join("cli/tests/book/board.dts"), tried.join("board.dts"))?;
        for file in files.debs().chain([&files.wheel]) {
            fs::copy(file, tried.join(name(file)?))?;
        }
        let before = self.list()?;
        self.try_debs(files)?;
        self.compare(&before)?;
        self.try_wheel(files)?;
        fs::remove_dir_all(&tried)?;
        self.compare(&before)
    }

    fn try_debs(&self, files: &Files) -> Result<()> {
        let mut packages = vec!["ringfence"];
        packages.extend(files.stage.iter().map(|_| "ringfence-stage"));
        for deb in files.debs() {
            self.run(&["dpkg", "--install", &format!("{TRIED}/{}", name(deb)?)])?;
        }
        let verified = self.run(&[&["dpkg", "--verify"], packages.as_slice()].concat())?;
        ensure!(verified.is_empty(), "dpkg --verify: {verified}");
        self.finds("ringfence")?;
        for file in [
            "/usr/share/man/man1/ringfence-check.1.gz",
            "/usr/share/bash-completion/completions/ringfence",
            "/usr/share/doc/ringfence/copyright",
        ] {
            ensure!(self.path(file).is_file(), "{file} is missing");
        }
        let image = self.path("/usr/lib/ringfence/ringfence.img");
        ensure!(files.stage.is_none() || image.is_file(), "{} is missing", image.display());
        self.run(&[&["dpkg", "--purge"], packages.as_slice()].concat())?;
        let known = self.run(&["dpkg-query", "--show", "--showformat", "${Package}\\n"])?;
        let left = known.lines().find(|package| package.starts_with("ringfence"));
        ensure!(left.is_none(), "dpkg still knows {left:?}");
        Ok(())
    }

    fn try_wheel(&self, files: &Files) -> Result<()> {
        let environment = format!("{TRIED}/python");
        let pip = format!("{environment}/bin/pip");
        self.run(&["python3", "-m", "venv", &environment])?;
        let before = below(&self.path(&environment))?;
        self.run(&[&pip, "install", "--quiet", "--no-index", &format!("{TRIED}/{}", name(&files.wheel)?)])?;
        self.finds(&format!("{environment}/bin/ringfence"))?;
        self.run(&[&pip, "uninstall", "--quiet", "--yes", "ringfence"])?;
        let after = below(&self.path(&environment))?;
        let left: Vec<&PathBuf> = after.difference(&before).filter(|path| !is_cached(path)).collect();
        ensure!(left.is_empty(), "pip uninstall leaves {left:?}");
        Ok(())
    }

    /// Checks that this tool finds in the README's source what the README says.
    fn finds(&self, tool: &str) -> Result<()> {
        let output = self.command(&[tool, "check", &format!("{TRIED}/board.dts")]).output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.code() == Some(1) && said.contains(FINDING), "{tool} check: {said}");
        Ok(())
    }

    /// Runs a program in it and returns what it printed.
    fn run(&self, words: &[&str]) -> Result<String> {
        capture(&mut self.command(words))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("chroot");
        command.arg(&self.root).args(arguments).env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("DEBIAN_FRONTEND", "noninteractive");
        command
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside.trim_start_matches('/'))
    }

    /// Returns every file but those in which packages are administered, with its size and when it was
    /// written.
    fn list(&self) -> Result<BTreeSet<(PathBuf, u64, i64)>> {
        let mut all = BTreeSet::new();
        for path in below(&self.root)? {
            let inside = path.strip_prefix(&self.root)?;
            if !ADMINISTRATION.iter().any(|administered| inside.starts_with(administered)) {
                let metadata = fs::symlink_metadata(&path)?;
                // A directory is as new as the last file that came or went.
                let written = if metadata.is_dir() { (0, 0) } else { (metadata.len(), metadata.mtime()) };
                all.insert((inside.to_path_buf(), written.0, written.1));
            }
        }
        Ok(all)
    }

    fn compare(&self, before: &BTreeSet<(PathBuf, u64, i64)>) -> Result<()> {
        let after = self.list()?;
        let changed = before.symmetric_difference(&after).map(|(path, ..)| path);
        let changed: Vec<&PathBuf> = changed.filter(|path| !is_cached(path)).collect();
        if !changed.is_empty() {
            bail!("removing the packages leaves a difference: {changed:?}");
        }
        Ok(())
    }
}

/// Tells whether Python made a file when it first ran.
fn is_cached(path: &Path) -> bool {
    path.components().any(|component| component.as_os_str() == "__pycache__")
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

fn name(file: &Path) -> Result<String> {
    Ok(file.file_name().context("a file without a name")?.to_string_lossy().into_owned())
}
