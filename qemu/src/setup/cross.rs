//! The standard library for arm64 Linux: that of the `rustc` in use where it has one, or Debian's for
//! Debian's `rustc`, unpacked into the cache. The machine's own apt learns no foreign architecture.

use super::debs;
use crate::shell::{capture, run};
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The target.
pub(crate) const TARGET: &str = "aarch64-unknown-linux-gnu";
/// Links for it, with Debian's static C library.
pub(crate) const LINKER: &str = "aarch64-linux-gnu-gcc";
/// Debian's compiler, and the package of its standard library.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_STD: &str = "libstd-rust-web-dev";

/// How to compile for [`TARGET`].
#[derive(Clone, Debug)]
pub(crate) struct Cross {
    /// The compiler, where it is not the one that cargo takes by itself.
    pub(crate) rustc: Option<PathBuf>,
    /// Flags for the target.
    pub(crate) flags: Vec<String>,
}

/// Tells whether the standard library is there, and that no set-up is needed.
pub(super) fn is_available(ws: &Workspace) -> bool {
    toolchain(ws).is_ok()
}

/// Returns how to compile for the target.
///
/// # Errors
/// When there is no standard library for it.
pub(crate) fn toolchain(ws: &Workspace) -> Result<Cross> {
    let linker = format!("-Clinker={LINKER}");
    let own = capture(Command::new("rustc").args(["--print", "sysroot"]).current_dir(&ws.root))?;
    if has_std(Path::new(own.trim_end())) {
        return Ok(Cross { rustc: None, flags: vec![linker] });
    }
    let sysroot = sysroot(ws, &version()?);
    ensure!(has_std(&sysroot), "no standard library for {TARGET}");
    let flags = vec![format!("--sysroot={}", sysroot.display()), linker];
    Ok(Cross { rustc: Some(DEBIAN_RUSTC.into()), flags })
}

/// Fetches the library of the same version as Debian's compiler.
pub(super) fn fetch(ws: &Workspace) -> Result<()> {
    let version = version()?;
    let sysroot = sysroot(ws, &version);
    let home = ws.cache().join("apt-arm64");
    for sub in ["lists/partial", "cache/archives/partial", "state"] {
        fs::create_dir_all(home.join(sub))?;
    }
    fs::write(home.join("status"), "")?;
    let apt = || {
        // The machine's own sources, its security updates with them, for the other architecture.
        let mut apt = Command::new("apt-get");
        let directory = |name: &str| home.join(name).display().to_string();
        for (key, value) in [
            ("Dir::State", directory("state")),
            ("Dir::State::status", directory("status")),
            ("Dir::State::lists", directory("lists")),
            ("Dir::Cache", directory("cache")),
            ("APT::Architecture", "arm64".into()),
            ("APT::Architectures", "arm64".into()),
            ("APT::Sandbox::User", "root".into()),
            ("Acquire::Languages", "none".into()),
        ] {
            apt.arg("-o").arg(format!("{key}={value}"));
        }
        apt
    };
    run(apt().args(["-q", "update"]))?;
    debs::unpacked(ws, &format!("{DEBIAN_STD}={version}"), apt(), |root| {
        let (from, to) =
            (root.join("usr/lib/rustlib").join(TARGET), sysroot.join("lib/rustlib").join(TARGET));
        fs::create_dir_all(to.parent().context("the cache has a parent")?)?;
        let _ = fs::remove_dir_all(&to);
        fs::rename(&from, &to).with_context(|| format!("{DEBIAN_STD} has no {}", from.display()))
    })
}

/// Returns the version of Debian's compiler, which that of its library must equal.
fn version() -> Result<String> {
    capture(Command::new("dpkg-query").args(["-W", "-f", "${Version}", DEBIAN_STD]))
        .with_context(|| format!("no standard library for {TARGET}, nor Debian's rustc-web"))
}

fn sysroot(ws: &Workspace, version: &str) -> PathBuf {
    ws.cache().join(format!("std-arm64-{}", version.replace(['+', '~', ':'], "-")))
}

fn has_std(sysroot: &Path) -> bool {
    let Ok(list) = fs::read_dir(sysroot.join("lib/rustlib").join(TARGET).join("lib")) else { return false };
    list.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
}
