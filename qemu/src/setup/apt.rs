//! Host packages: `apt-get install`, as root or through sudo, never asking, and never removing a package.

use crate::shell::{capture, find_program, run};
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// Adds packages and leaves every installed one in place.
const INSTALL: [&str; 4] = ["install", "-y", "--no-install-recommends", "--no-remove"];

/// Returns the command line that installs these packages, for messages.
pub(crate) fn command_line(packages: &[&str]) -> String {
    let sudo = if is_root() { "" } else { "sudo " };
    format!("{sudo}apt-get {} {}", INSTALL.join(" "), packages.join(" "))
}

/// Installs these packages; an empty list does nothing.
///
/// # Errors
/// When this is not Debian, when neither root nor sudo is at hand, when apt fails, or when another package
/// would have to go: then nothing is changed.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    if find_program("apt-get").is_none() {
        bail!("there is no apt-get here; install the equivalents of: {}", packages.join(" "));
    }
    Apt::default().install(packages)
}

/// Updates the lists, then installs: a machine that never ran `apt-get update`, or long ago, does not know
/// the packages, or knows old ones only.
///
/// # Errors
/// As for [`install`].
pub(crate) fn install_newest(packages: &[&str]) -> Result<()> {
    Apt::default().install_newest(packages)
}

/// The programs of apt.
#[derive(Default)]
struct Apt {
    /// Directory of the programs; empty for those in `PATH`.
    programs: OsString,
}

impl Apt {
    fn install(&self, packages: &[&str]) -> Result<()> {
        eprintln!("set-up: running {}", command_line(packages));
        match run(&mut self.get(&INSTALL, packages)?) {
            Ok(()) => Ok(()),
            Err(_) => self.install_newest(packages),
        }
    }

    fn install_newest(&self, packages: &[&str]) -> Result<()> {
        eprintln!("set-up: running apt-get update, and again {}", command_line(packages));
        run(&mut self.get(&["update"], &[])?)?;
        let Err(error) = run(&mut self.get(&INSTALL, packages)?) else { return Ok(()) };
        let in_the_way = self.removals(packages);
        if in_the_way.is_empty() {
            return Err(error).with_context(|| format!("install by hand with: {}", command_line(packages)));
        }
        let mut text = format!("to install {}, apt-get would have to remove:\n", packages.join(" "));
        for package in &in_the_way {
            let release = self.release(package).map(|release| format!(", from {release}"));
            text += &format!("  {package}{}\n", release.unwrap_or_default());
        }
        text += "nothing was changed. Install versions that fit the installed packages, for example from the \
                 same release with:\n  apt-get install -t RELEASE ";
        bail!("{text}{}", packages.join(" "))
    }

    /// Lists the packages that would be removed if apt-get were free to.
    fn removals(&self, packages: &[&str]) -> Vec<String> {
        let mut simulate = self.program("apt-get");
        simulate.args(["-s", "install", "-y", "--no-install-recommends"]).args(packages);
        removed(&capture(&mut simulate).unwrap_or_default())
    }

    /// Finds the release that an installed package came from.
    fn release(&self, package: &str) -> Option<String> {
        installed_from(&capture(self.program("apt-cache").args(["policy", package])).ok()?)
    }

    fn get(&self, verb: &[&str], packages: &[&str]) -> Result<Command> {
        let mut command = if is_root() {
            self.program("apt-get")
        } else if find_program("sudo").is_some() {
            let mut sudo = Command::new("sudo");
            sudo.arg("DEBIAN_FRONTEND=noninteractive").arg(self.path("apt-get"));
            sudo
        } else {
            bail!("neither root nor sudo here; as root run: {}", command_line(packages));
        };
        command.env("DEBIAN_FRONTEND", "noninteractive").arg("-q").args(verb).args(packages);
        Ok(command)
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.path(name));
        // What is read of its output must not be translated.
        command.env("LC_ALL", "C");
        command
    }

    fn path(&self, name: &str) -> OsString {
        Path::new(&self.programs).join(name).into()
    }
}

/// Returns the packages that `apt-get -s` says it would remove.
fn removed(simulation: &str) -> Vec<String> {
    let lines = simulation.lines().filter_map(|line| line.strip_prefix("Remv "));
    lines.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// Returns the release of the installed version, in what `apt-cache policy` prints: after the version marked
/// with `***`, a line `PRIORITY URI RELEASE/COMPONENT ARCHITECTURE Packages` for each archive that has it.
fn installed_from(policy: &str) -> Option<String> {
    let after = policy.lines().skip_while(|line| !line.trim_start().starts_with("***")).skip(1);
    let archives = after.take_while(|line| line.starts_with("        "));
    archives.into_iter().find_map(|line| {
        let release = line.split_whitespace().nth(2)?.split('/').next()?;
        line.ends_with(" Packages").then(|| release.to_owned())
    })
}

/// Tells whether this process runs as root; `/proc/self` belongs to the effective user.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    const POLICY: &str = "qemu-utils:\n  Installed: 1:10.0.2+ds-2~bpo12+1\n  Candidate: 1:10.0.2\n  \
                          Version table:\n *** 1:10.0.2+ds-2~bpo12+1 100\n        \
                          100 http://mirror.example/debian bookworm-backports/main amd64 Packages\n        \
                          100 /var/lib/dpkg/status\n     1:7.2+dfsg-7 500\n        \
                          500 http://mirror.example/debian bookworm/main amd64 Packages\n";

    /// Returns a directory with an `apt-get` and an `apt-cache` that note how they are called.
    fn fake(name: &str, apt_get: &str) -> (PathBuf, Apt) {
        let directory = Workspace::locate().scratch("apt").unwrap().join(name);
        fs::create_dir_all(&directory).unwrap();
        let log = directory.join("calls");
        let _ = fs::remove_file(&log);
        let note = format!("#!/bin/sh\necho \"$@\" >> {}\n", log.display());
        for (program, body) in [("apt-get", apt_get), ("apt-cache", &format!("cat <<'END'\n{POLICY}END\n"))] {
            let path = directory.join(program);
            fs::write(&path, format!("{note}{body}")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        (log, Apt { programs: directory.into() })
    }

    #[test]
    fn a_package_that_stands_in_the_way_is_named_and_stays() {
        if !is_root() {
            return;
        }
        let (log, apt) = fake(
            "conflict",
            "case \"$*\" in\n-s*) echo 'Remv qemu-utils [1:10.0.2]';;\n\
                                           *install*) exit 100;;\nesac\n",
        );
        let error = apt.install(&["qemu-system-arm"]).unwrap_err().to_string();
        for words in ["remove:\n  qemu-utils, from bookworm-backports\n", "nothing was changed", "-t RELEASE"]
        {
            assert!(error.contains(words), "{error}");
        }
        let calls = fs::read_to_string(log).unwrap();
        let installs = calls.lines().filter(|call| call.contains("install") && !call.contains("-s "));
        assert!(
            installs.clone().count() == 2 && installs.into_iter().all(|call| call.contains("--no-remove"))
        );
    }

    #[test]
    fn a_first_success_asks_for_nothing_more() {
        if !is_root() {
            return;
        }
        let (log, apt) = fake("success", "exit 0\n");
        apt.install(&["zstd"]).unwrap();
        assert_eq!(
            fs::read_to_string(log).unwrap(),
            "-q install -y --no-install-recommends --no-remove zstd\n"
        );
    }

    #[test]
    fn output_of_apt_is_read() {
        assert_eq!(
            removed("Inst a\nRemv qemu-utils [1:10.0.2]\nRemv b:arm64 [1]\n"),
            ["qemu-utils", "b:arm64"]
        );
        assert_eq!(installed_from(POLICY).as_deref(), Some("bookworm-backports"));
        assert_eq!(installed_from("x:\n  Installed: (none)\n"), None);
    }
}
