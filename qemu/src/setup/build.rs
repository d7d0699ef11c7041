//! Kernels built from Debian's sources, with a configuration of the project's own on top of `allnoconfig`.

use super::{Series, debs};
use crate::shell::{capture, run};
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The file beside an image with its release.
pub(super) const RELEASE: &str = "release";
/// The file beside an image with the digest of what it was made of.
const MADE_OF: &str = "made-of";
/// The module that is built with each kernel, beside its image.
const MODULE: &str = "ringfence_consumers.ko";

/// Host packages that build an arm64 kernel.
pub(super) const PACKAGES: [&str; 8] =
    ["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross", "gcc", "make", "flex", "bison", "bc", "xz-utils"];

/// Returns the module of a kernel that is built.
pub(crate) fn module(ws: &Workspace, series: Series) -> PathBuf {
    series.dir(ws).join(MODULE)
}

/// Tells whether the kernel is there, and made of what it would be made of now.
pub(super) fn is_kept(ws: &Workspace, series: Series) -> bool {
    let made_of =
        || Some(made_of(ws, series).ok()? == fs::read_to_string(series.dir(ws).join(MADE_OF)).ok()?);
    series.image(ws).is_file() && module(ws, series).is_file() && made_of() == Some(true)
}

/// Builds a kernel with its module, and keeps both with the release's name. The sources are left unpacked for
/// the next one; [`remove_sources`] removes them.
///
/// # Errors
/// When the sources cannot be had, when they do not know a setting, or when the compiler fails.
pub(super) fn build(ws: &Workspace, series: Series) -> Result<()> {
    let sources = sources(ws, series)?;
    let objects = directory(ws).join(format!("objects-{}", series.name()));
    fs::create_dir_all(&objects)?;
    let all = configuration(ws, series)?;
    let wanted = objects.join("wanted.config");
    fs::write(&wanted, &all)?;
    let make = |targets: &[&str]| {
        let mut make = Command::new("make");
        make.args(["-s", "ARCH=arm64", "CROSS_COMPILE=aarch64-linux-gnu-"]).current_dir(&sources);
        make.arg(format!("O={}", objects.display())).env("KCONFIG_ALLCONFIG", &wanted).args(targets);
        make
    };
    capture(&mut make(&["allnoconfig"]))?;
    let got = fs::read_to_string(objects.join(".config"))?;
    let unknown = missing(&all, &got);
    ensure!(unknown.is_empty(), "these sources do not take the settings {}", unknown.join(" "));
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    eprintln!("set-up: building {}, about four minutes on two idle processors", series.name());
    run(&mut make(&[&format!("-j{jobs}"), "Image", "modules"]))?;
    // Out of the sources, so that nothing is written into the project.
    let copy = objects.join("consumers");
    fs::create_dir_all(&copy)?;
    for file in MODULE_SOURCES {
        fs::copy(ws.proving_ground().join("kernels/consumers").join(file), copy.join(file))?;
    }
    run(&mut make(&[&format!("M={}", copy.display()), "modules"]))?;

    let dir = series.dir(ws);
    fs::create_dir_all(&dir)?;
    let _ = fs::remove_file(dir.join(MADE_OF));
    fs::copy(copy.join(MODULE), dir.join(MODULE))?;
    fs::copy(objects.join("include/config/kernel.release"), dir.join(RELEASE))?;
    fs::copy(objects.join("arch/arm64/boot/Image"), dir.join("Image"))?;
    fs::write(dir.join(MADE_OF), made_of(ws, series)?)?;
    Ok(())
}

/// Removes unpacked sources and objects, some 2 GB for each version.
///
/// # Errors
/// When a file cannot be removed.
pub(crate) fn remove_sources(ws: &Workspace) -> Result<()> {
    let dir = directory(ws);
    if dir.is_dir() {
        fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    Ok(())
}

/// Files of the module.
const MODULE_SOURCES: [&str; 2] = ["Kbuild", "ringfence_consumers.c"];

fn directory(ws: &Workspace) -> PathBuf {
    ws.cache().join("kernel-sources")
}

/// Returns the unpacked sources of a series, unpacked when they are first asked for.
fn sources(ws: &Workspace, series: Series) -> Result<PathBuf> {
    let dir = directory(ws).join(series.package_prefix());
    if dir.is_dir() {
        return Ok(dir);
    }
    let beside = dir.with_extension("new");
    let _ = fs::remove_dir_all(&beside);
    fs::create_dir_all(&beside)?;
    debs::with_sources(ws, series, |root| {
        let archive = root.join(format!("usr/src/{}.tar.xz", series.package_prefix()));
        let mut tar = Command::new("tar");
        tar.arg("-xJf").arg(&archive).args(["--strip-components=1", "-C"]).arg(&beside);
        run(&mut tar)
    })?;
    fs::rename(&beside, &dir)?;
    Ok(dir)
}

/// Returns the settings of a series, one file after the other.
fn configuration(ws: &Workspace, series: Series) -> Result<String> {
    let dir = ws.proving_ground().join("kernels");
    let read = |name: &&str| fs::read_to_string(dir.join(name)).with_context(|| format!("kernels/{name}"));
    series.configs.iter().map(read).collect()
}

/// Returns the settings that a configuration lacks: the kernel's build drops silently what it does not know,
/// or what depends on something that is off.
fn missing<'w>(wanted: &'w str, got: &str) -> Vec<&'w str> {
    let settings = wanted.lines().filter(|line| line.starts_with("CONFIG_"));
    let holds = |line: &str| match line.strip_suffix("=n") {
        Some(name) => {
            !got.lines().any(|set| set.strip_prefix(name).is_some_and(|rest| rest.starts_with('=')))
        }
        None => got.lines().any(|set| set == line),
    };
    settings.filter(|line| !holds(line)).collect()
}

/// Returns the digest of everything of the project's that a kernel is made of.
fn made_of(ws: &Workspace, series: Series) -> Result<String> {
    let mut digest = Sha256::new();
    digest.update(series.package_prefix());
    digest.update(configuration(ws, series)?);
    for file in MODULE_SOURCES {
        digest.update(read(&ws.proving_ground().join("kernels/consumers").join(file))?);
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_was_dropped_is_named() {
        let wanted = "# A comment.\nCONFIG_A=y\nCONFIG_B=64\nCONFIG_C=n\nCONFIG_D=n\n";
        let got = "CONFIG_A=y\nCONFIG_BB=64\n# CONFIG_C is not set\nCONFIG_D=y\n";
        assert_eq!(missing(wanted, got), ["CONFIG_B=64", "CONFIG_D=n"]);
    }

    #[test]
    fn every_kernel_from_sources_has_its_settings() {
        let ws = Workspace::locate();
        for series in Series::FROM_SOURCES {
            let settings = configuration(&ws, series).unwrap();
            let pages = format!("CONFIG_ARM64_{}K_PAGES=y", series.page().bytes() >> 10);
            assert!(settings.contains(&pages), "{}", series.name());
            assert_ne!(made_of(&ws, series).unwrap(), "");
        }
    }
}
