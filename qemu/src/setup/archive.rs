//! Debian's archive, by an apt configuration of its own.
//!
//! The configuration, its lists and its downloads are all in the cache: the machine's own apt neither learns
//! a foreign architecture nor a suite. The archive is the one that the machine itself uses, or that
//! the variable `RINGFENCE_DEBIAN_MIRROR` names.

use crate::shell::{capture, run};
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The variable with Debian's archive, for machines whose apt has no source of Debian's.
const MIRROR: &str = "RINGFENCE_DEBIAN_MIRROR";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The packages of one architecture.
#[derive(Clone, Debug)]
pub(super) struct Archive {
    dir: PathBuf,
    architecture: String,
}

impl Archive {
    /// Returns the packages for the boards.
    pub(super) fn of_boards(ws: &Workspace) -> Self {
        Self { dir: ws.cache().join("apt"), architecture: "arm64".into() }
    }

    /// Returns the packages for this machine.
    ///
    /// # Errors
    /// When `dpkg` does not tell which architecture it has.
    pub(super) fn of_host(ws: &Workspace) -> Result<Self> {
        let architecture = capture(Command::new("dpkg").arg("--print-architecture"))?.trim().to_owned();
        Ok(Self { dir: ws.cache().join("apt-host"), architecture })
    }

    /// Makes the configuration name these suites and fetches their lists, unless that was done before.
    ///
    /// # Errors
    /// When there is no archive, or a suite cannot be had.
    pub(super) fn ensure_lists(&self, suites: &[&str]) -> Result<()> {
        for sub in ["lists/partial", "cache/archives/partial", "state"] {
            fs::create_dir_all(self.dir.join(sub))?;
        }
        let mut suites = suites.to_vec();
        suites.dedup();
        let signed =
            if Path::new(KEYRING).is_file() { format!("Signed-By: {KEYRING}\n") } else { String::new() };
        let sources = format!(
            "Types: deb\nURIs: {}\nSuites: {}\nComponents: main\nArchitectures: {}\n{signed}",
            mirror()?,
            suites.join(" "),
            self.architecture
        );
        let path = self.dir.join("debian.sources");
        let fetched = self.dir.join("fetched");
        let known = fs::read_to_string(&path).is_ok_and(|old| old == sources || covers(&old, &sources));
        if known && fetched.is_file() {
            return Ok(());
        }
        fs::write(&path, sources)?;
        fs::write(self.dir.join("status"), "")?;
        fs::write(self.config(), self.configuration(&path))?;
        eprintln!("set-up: fetching Debian's {} package lists ({})", self.architecture, suites.join(", "));
        run(self.apt("apt-get").args(["-q", "update"]))?;
        fs::write(fetched, "")?;
        Ok(())
    }

    /// Returns an apt program with this configuration. Unlike `APT_CONFIG`, `-c` is read last and thus wins.
    pub(super) fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("-c").arg(self.config()).env("DEBIAN_FRONTEND", "noninteractive");
        command
    }

    fn config(&self) -> PathBuf {
        self.dir.join("apt.conf")
    }

    fn configuration(&self, sources: &Path) -> String {
        let mut text = String::new();
        let below = |name: &str| self.dir.join(name).display().to_string();
        for (key, value) in [
            ("Dir::Etc::SourceList", sources.display().to_string()),
            ("Dir::Etc::SourceParts", "/dev/null".into()),
            ("Dir::State", below("state")),
            ("Dir::State::status", below("status")),
            ("Dir::State::lists", below("lists")),
            ("Dir::Cache", below("cache")),
            ("APT::Architecture", self.architecture.clone()),
            ("APT::Architectures", self.architecture.clone()),
            // apt's own user may not be able to enter the directory of the lists.
            ("APT::Sandbox::User", "root".into()),
            ("Acquire::Languages", "none".into()),
            ("Acquire::IndexTargets::deb::DEP-11::DefaultEnabled", "false".into()),
            ("Acquire::Retries", "3".into()),
        ] {
            text.push_str(&format!("{key} \"{value}\";\n"));
        }
        text
    }
}

/// Tells whether the first sources name the same mirror and every suite of the second.
fn covers(old: &str, new: &str) -> bool {
    old.lines().zip(new.lines()).all(|(old, new)| {
        match (old.strip_prefix("Suites: "), new.strip_prefix("Suites: ")) {
            (Some(old), Some(new)) => new.split(' ').all(|suite| old.split(' ').any(|o| o == suite)),
            _ => old == new,
        }
    })
}

/// Returns the Debian archive that the variable names, or else that of the machine's own apt sources.
pub(super) fn mirror() -> Result<String> {
    if let Ok(named) = std::env::var(MIRROR) {
        return Ok(named.trim_end_matches('/').to_owned());
    }
    let format = ["indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"];
    let own = Command::new("apt-get").args(format).stderr(Stdio::null()).output();
    let listed = own.map(|out| String::from_utf8_lossy(&out.stdout).into_owned()).unwrap_or_default();
    mirror_among(&listed).with_context(|| {
        format!(
            "apt has no source of a Debian release here; name an archive with {MIRROR}, such as \
             {MIRROR}=http://mirror.example/debian"
        )
    })
}

/// Picks the archive that carries a plain Debian release, not its security or a third party's.
fn mirror_among(listed: &str) -> Option<String> {
    let releases = ["bookworm", "trixie", "forky", "sid", "stable", "oldstable", "testing", "unstable"];
    listed.lines().find_map(|line| {
        let (uri, release) = line.split_once(' ')?;
        let plain = releases.contains(&release) && uri.trim_end_matches('/').ends_with("/debian");
        plain.then(|| uri.trim_end_matches('/').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_the_one_that_carries_the_release_itself() {
        let listed = "https://packages.example.org/apt tools\nhttp://mirror.example/debian-security/ \
                      bookworm-security\nhttp://mirror.example/debian/ bookworm\n";
        assert_eq!(mirror_among(listed).as_deref(), Some("http://mirror.example/debian"));
        assert_eq!(mirror_among("http://archive.example/ubuntu/ noble\n"), None);
    }

    #[test]
    fn lists_that_were_fetched_for_more_suites_are_good_for_fewer() {
        let sources = |suites: &str| format!("Types: deb\nURIs: u\nSuites: {suites}\n");
        assert!(covers(&sources("bookworm bookworm-backports"), &sources("bookworm")));
        assert!(!covers(&sources("bookworm"), &sources("bookworm bookworm-backports")));
    }
}
