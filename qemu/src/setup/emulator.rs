//! A QEMU that is new enough for what older ones leave out: alignment faults on device memory (since 9.0),
//! and registers and memory that a plug-in reads (since 9.2).

use super::archive::Archive;
use super::debs;
use crate::shell::{capture, find_program};
use crate::workspace::Workspace;
use anyhow::{Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The first release that is taken: that of Debian 13.
const OLDEST: u32 = 10;
const PROGRAM: &str = "qemu-system-aarch64";
/// Where Debian 12 has it. Its libraries are those of the older one, which is a need of its own.
const SUITE: &str = "bookworm-backports";

/// Returns the program: the machine's own if it is new enough, or else the one in the cache, which may be
/// missing.
pub(crate) fn new_qemu(ws: &Workspace) -> PathBuf {
    find_program(PROGRAM).filter(|program| is_new(program)).unwrap_or_else(|| home(ws).join(PROGRAM))
}

/// Tells whether there is one, and runs.
pub(super) fn is_there(ws: &Workspace) -> bool {
    is_new(&new_qemu(ws))
}

/// Fetches the program alone: a board without firmware or display of QEMU's needs nothing else.
///
/// # Errors
/// When it cannot be had, or does not run here.
pub(super) fn fetch(ws: &Workspace) -> Result<()> {
    let archive = Archive::of_host(ws)?;
    archive.ensure_lists(&[SUITE])?;
    let file = format!("usr/bin/{PROGRAM}");
    debs::unpacked(ws, &format!("qemu-system-arm/{SUITE}"), archive.apt("apt-get"), |root| {
        debs::keep_files(root, &[(&file, PROGRAM)], &home(ws))
    })?;
    ensure!(is_there(ws), "Debian's QEMU does not run here; install QEMU {OLDEST} or newer");
    Ok(())
}

fn home(ws: &Workspace) -> PathBuf {
    ws.cache().join("qemu-10")
}

fn is_new(program: &Path) -> bool {
    let version = capture(Command::new(program).arg("--version"));
    version.ok().and_then(|text| major(&text)).is_some_and(|major| major >= OLDEST)
}

fn major(version: &str) -> Option<u32> {
    version.split_once(" version ")?.1.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_read_from_what_the_program_prints() {
        let debian = "QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2+deb13u1~bpo12+1)\nCopyright (c)";
        assert_eq!(major(debian), Some(10));
        assert_eq!(major("QEMU emulator version 7.2.22 (Debian 1:7.2)"), Some(7));
        assert_eq!(major("qemu: cannot run"), None);
    }
}
