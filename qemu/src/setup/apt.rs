//! Host packages: `apt-get install`, as root or through sudo, never asking.

use crate::shell::{find_program, run};
use anyhow::{Context, Result, bail};
use std::process::Command;

/// Returns the command line that installs these packages, for messages.
pub(crate) fn command_line(packages: &[&str]) -> String {
    let sudo = if is_root() { "" } else { "sudo " };
    format!("{sudo}apt-get install -y --no-install-recommends {}", packages.join(" "))
}

/// Installs these packages; an empty list does nothing.
///
/// # Errors
/// When this is not Debian, when neither root nor sudo is at hand, or when apt fails.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    if find_program("apt-get").is_none() {
        bail!("there is no apt-get here; install the equivalents of: {}", packages.join(" "));
    }
    eprintln!("set-up: running {}", command_line(packages));
    let first_try = run(&mut apt_get(&["install", "-y", "--no-install-recommends"], packages)?);
    if first_try.is_ok() {
        return Ok(());
    }
    install_newest(packages)
}

/// Updates the lists, then installs: a machine that never ran `apt-get update`, or long ago, does not know
/// the packages, or knows old ones only.
///
/// # Errors
/// When neither root nor sudo is at hand, or when apt fails.
pub(crate) fn install_newest(packages: &[&str]) -> Result<()> {
    eprintln!("set-up: running apt-get update, and again {}", command_line(packages));
    run(&mut apt_get(&["update"], &[])?)?;
    run(&mut apt_get(&["install", "-y", "--no-install-recommends"], packages)?)
        .with_context(|| format!("install by hand with: {}", command_line(packages)))
}

fn apt_get(verb: &[&str], packages: &[&str]) -> Result<Command> {
    let mut command = if is_root() {
        Command::new("apt-get")
    } else if find_program("sudo").is_some() {
        let mut sudo = Command::new("sudo");
        sudo.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        sudo
    } else {
        bail!("neither root nor sudo here; as root run: {}", command_line(packages));
    };
    command.env("DEBIAN_FRONTEND", "noninteractive").arg("-q").args(verb).args(packages);
    Ok(command)
}

/// Tells whether this process runs as root; `/proc/self` belongs to the effective user.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}
