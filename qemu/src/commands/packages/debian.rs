//! A Debian without Rust, in which packages are installed, used and removed.

use super::{Files, below, name};
use crate::commands::dist::{BOARD, finds};
use crate::shell::capture;
use crate::workspace::Workspace;
use anyhow::{Result, bail, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the files are that are tried, in the Debian.
const TRIED: &str = "/tmp/ringfence";
/// What changes with every package, in files that belong to none.
const ADMINISTRATION: [&str; 4] = ["var/lib/dpkg", "var/log", "var/cache", "tmp"];

/// A Debian, entered by chroot.
pub(super) struct Debian {
    pub(super) root: PathBuf,
}

impl Debian {
    /// Installs, uses and removes each package.
    pub(super) fn try_all(&self, ws: &Workspace, files: &Files) -> Result<()> {
        ensure!(!self.path("/usr/bin/rustc").exists(), "there is a Rust in it");
        ensure!(!self.path("/usr/bin/ringfence").exists(), "ringfence is installed in it");
        let tried = self.path(TRIED);
        if tried.exists() {
            fs::remove_dir_all(&tried)?;
        }
        fs::create_dir_all(&tried)?;
        fs::copy(ws.root.join(BOARD), tried.join("board.dts"))?;
        for file in files.debs().into_iter().chain([&files.wheel]) {
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
        let packages = ["ringfence", "ringfence-stage"];
        for deb in files.debs() {
            self.run(&["dpkg", "--install", &format!("{TRIED}/{}", name(deb)?)])?;
        }
        let verified = self.run(&[["dpkg", "--verify"], packages].concat())?;
        ensure!(verified.is_empty(), "dpkg --verify: {verified}");
        finds(&mut self.check("ringfence"))?;
        for file in [
            "/usr/share/man/man1/ringfence-check.1.gz",
            "/usr/share/bash-completion/completions/ringfence",
            "/usr/share/doc/ringfence/copyright",
            "/usr/share/doc/ringfence/LICENSE-THIRD-PARTY",
            "/usr/lib/ringfence/ringfence.img",
        ] {
            ensure!(self.path(file).is_file(), "{file} is missing");
        }
        self.run(&[["dpkg", "--purge"], packages].concat())?;
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
        finds(&mut self.check(&format!("{environment}/bin/ringfence")))?;
        self.run(&[&pip, "uninstall", "--quiet", "--yes", "ringfence"])?;
        let after = below(&self.path(&environment))?;
        let left: Vec<&PathBuf> = after.difference(&before).filter(|path| !is_cached(path)).collect();
        ensure!(left.is_empty(), "pip uninstall leaves {left:?}");
        Ok(())
    }

    /// Runs a program in it and returns what it printed.
    fn run(&self, words: &[&str]) -> Result<String> {
        capture(&mut self.command(words))
    }

    /// Returns the check of the README's board by this tool.
    fn check(&self, tool: &str) -> Command {
        self.command(&[tool, "check", &format!("{TRIED}/board.dts")])
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
