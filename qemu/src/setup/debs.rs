//! Files from Debian's packages, of which nothing is installed.

use super::Series;
use super::archive::Archive;
use crate::shell::{capture, run};
use crate::workspace::Workspace;
use anyhow::{Context, Result, anyhow, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Modules that show the stage's persistent log in the booted Linux, in the order in which they are loaded.
const MODULES: [&str; 2] = ["kernel/lib/reed_solomon/reed_solomon.ko", "kernel/fs/pstore/ramoops.ko"];

/// Where an arm64 `Image` has its magic number (Documentation/arch/arm64/booting.rst).
const IMAGE_MAGIC: (usize, &[u8]) = (56, b"ARM\x64");

/// Fetches the newest kernel of a series and keeps its image and, of a package that has them, a few modules.
pub(crate) fn fetch_kernel(ws: &Workspace, series: Series) -> Result<()> {
    let found = find_newest(ws, series, series.package_prefix(), series.flavour())?;
    let image = series.image(ws);
    let dir = image.parent().context("the cache has a parent")?;
    with_package(ws, &found, |root| {
        let vmlinuz = vmlinuz(root, &found)?;
        let head = fs::read(&vmlinuz)?;
        let magic = head.get(IMAGE_MAGIC.0..).is_some_and(|rest| rest.starts_with(IMAGE_MAGIC.1));
        ensure!(magic, "{found} has a packed kernel, and boots without the stage need an Image");
        fs::create_dir_all(dir)?;
        fs::write(dir.join("package"), format!("{found}\n"))?;
        if series.has_modules() {
            let dirs = ["lib/modules", "usr/lib/modules"].map(|dir| root.join(dir));
            let all = dirs.iter().find(|dir| dir.is_dir()).unwrap_or(&dirs[0]);
            keep_modules(all, &series.modules(ws)).with_context(|| format!("the modules of {found}"))?;
        }
        place(&vmlinuz, &image)
    })
}

/// Fetches the sources of a series from the first of its suites that can be had, and shows the unpacked
/// package.
pub(super) fn with_sources(
    ws: &Workspace,
    series: Series,
    keep: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    for suite in series.suites() {
        match Archive::of_boards(ws).ensure_lists(&["bookworm", suite]) {
            Ok(()) => return with_package(ws, &format!("{}/{suite}", series.package_prefix()), keep),
            Err(error) => eprintln!("set-up: {suite}: {error:#}"),
        }
    }
    bail!("none of the suites {} can be had", series.suites().join(", "));
}

/// Keeps the modules of the one release that a package holds, numbered in the order of loading.
fn keep_modules(all: &Path, to: &Path) -> Result<()> {
    let release = entries(all)?.into_iter().next().context("none")?;
    let beside = to.with_extension("new");
    let kept = beside.join(name_of(&release));
    let _ = fs::remove_dir_all(&beside);
    fs::create_dir_all(&kept)?;
    for (number, module) in MODULES.iter().enumerate() {
        // Packed in newer packages, as they are kept: the initramfs unpacks them.
        let file = ["", ".xz"].map(|packed| release.join(format!("{module}{packed}")));
        let file = file.iter().find(|file| file.is_file()).with_context(|| format!("no {module}"))?;
        place(file, &kept.join(format!("{number}-{}", name_of(file))))?;
    }
    let _ = fs::remove_dir_all(to);
    place(&beside, to)
}

/// Fetches the static busybox and keeps its one program.
pub(crate) fn fetch_busybox(ws: &Workspace, to: &Path) -> Result<()> {
    Archive::of_boards(ws).ensure_lists(&["bookworm"])?;
    with_package(ws, "busybox-static", |root| {
        let candidates = [root.join("bin/busybox"), root.join("usr/bin/busybox")];
        let program = candidates.iter().find(|p| p.is_file());
        place(program.ok_or_else(|| anyhow!("busybox-static has no bin/busybox"))?, to)
    })
}

/// Fetches the newest 6.12 kernel for boards with its device trees.
pub(crate) fn fetch_corpus(ws: &Workspace, to: &Path, image: &Path) -> Result<()> {
    let found = find_newest(ws, Series::V6_12, Series::V6_12.package_prefix(), "-arm64")?;
    with_package(ws, &found, |root| {
        let lib = root.join("usr/lib");
        let trees = entries(&lib)?.into_iter().find(|p| name_of(p).starts_with("linux-image-"));
        let trees = trees.ok_or_else(|| anyhow!("{found} has no /usr/lib/linux-image-*"))?;
        if !to.is_dir() {
            place(&trees, to)?;
        }
        fs::create_dir_all(image.parent().context("the cache has a parent")?)?;
        place(&vmlinuz(root, &found)?, image)
    })
}

/// Fetches the device trees of the newest kernel of a series.
pub(crate) fn fetch_trees(ws: &Workspace, series: Series) -> Result<()> {
    let found = find_newest(ws, series, series.trees_prefix(), "-arm64")?;
    with_package(ws, &found, |root| {
        // Below the directory of the release, or of its modules.
        let lib = root.join("usr/lib");
        let inside = |dir: &str, prefix: &str| {
            let all = entries(&lib.join(dir)).unwrap_or_default();
            all.into_iter().find(|path| name_of(path).starts_with(prefix))
        };
        let trees = inside("", "linux-image-").or_else(|| Some(inside("modules", "")?.join("dtb")));
        // In newer packages a link to the other.
        let trees = trees.filter(|trees| trees.is_dir()).and_then(|trees| trees.canonicalize().ok());
        place(&trees.ok_or_else(|| anyhow!("{found} has no device trees"))?, &series.trees(ws))
    })
}

/// A file or directory of a package, and the name under which it is kept.
pub(super) type Keep = (&'static str, &'static str);

/// Fetches a package of a suite and keeps files of it.
pub(super) fn fetch_files(
    ws: &Workspace,
    suite: &str,
    package: &str,
    files: &[Keep],
    to: &Path,
) -> Result<()> {
    Archive::of_boards(ws).ensure_lists(&["bookworm", "trixie"])?;
    with_package(ws, &format!("{package}/{suite}"), |root| keep_files(root, files, to))
}

/// Returns the same of a package for this machine, by the machine's own apt.
pub(super) fn fetch_host_files(ws: &Workspace, package: &str, files: &[Keep], to: &Path) -> Result<()> {
    unpacked(ws, package, Command::new("apt-get"), |root| keep_files(root, files, to))
}

pub(super) fn keep_files(root: &Path, files: &[(&str, &str)], to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for (inside, kept) in files {
        let _ = fs::remove_dir_all(to.join(kept));
        place(&root.join(inside), &to.join(kept))?;
    }
    Ok(())
}

/// Returns the kernel in an unpacked package: in `/boot`, or in newer packages where its modules go.
fn vmlinuz(root: &Path, package: &str) -> Result<PathBuf> {
    let (boot, modules) = (root.join("boot"), root.join("usr/lib/modules"));
    let mut dirs = vec![boot];
    if modules.is_dir() {
        dirs.extend(entries(&modules)?);
    }
    for dir in dirs.iter().filter(|dir| dir.is_dir()) {
        if let Some(found) = entries(dir)?.into_iter().find(|path| name_of(path).starts_with("vmlinuz")) {
            return Ok(found);
        }
    }
    bail!("{package} has no vmlinuz, neither in /boot nor in /usr/lib/modules")
}

/// Returns the commands by which a person lets the set-up fetch what it keeps in the cache.
pub(crate) fn commands(_ws: &Workspace) -> Vec<String> {
    vec!["cargo xtask setup".into()]
}

/// Returns the newest package that begins and ends so, from the first of the series' suites that has one.
fn find_newest(ws: &Workspace, series: Series, prefix: &str, flavour: &str) -> Result<String> {
    for suite in series.suites() {
        // A suite may be gone from the mirror: the next one is tried.
        if let Err(error) = Archive::of_boards(ws).ensure_lists(&["bookworm", suite]) {
            eprintln!("set-up: {suite}: {error:#}");
            continue;
        }
        let names = capture(Archive::of_boards(ws).apt("apt-cache").args(["pkgnames", prefix]))?;
        if let Some(name) = newest(names.lines(), prefix, flavour) {
            return Ok(name.to_owned());
        }
    }
    bail!("none of the suites {} has a Linux {}", series.suites().join(", "), series.name());
}

/// Picks the highest version among package names; flavours that merely end alike are left out.
fn newest<'n>(names: impl Iterator<Item = &'n str>, prefix: &str, flavour: &str) -> Option<&'n str> {
    let version = |name: &str| -> Option<Vec<u64>> {
        let middle = name.strip_prefix(prefix)?.strip_suffix(flavour)?;
        let foreign = ["-cloud", "-rt", "-16k", "-dbg"].iter().any(|other| middle.ends_with(other));
        let numbers = middle.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok());
        (!foreign).then(|| numbers.collect())
    };
    names.filter(|name| version(name).is_some()).max_by_key(|name| version(name))
}

/// Downloads a package, unpacks it beside, lets `keep` take what it wants, and removes the rest.
fn with_package(ws: &Workspace, package: &str, keep: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    unpacked(ws, package, Archive::of_boards(ws).apt("apt-get"), keep)
}

/// Returns the same with an `apt-get` of the caller's.
pub(super) fn unpacked(
    ws: &Workspace,
    package: &str,
    mut apt_get: Command,
    keep: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let dir = ws.cache().join("apt/unpack").join(package.replace('/', "-of-"));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir)?;
    eprintln!("set-up: fetching {package}");
    run(apt_get.args(["-q", "download", package]).current_dir(&dir))?;
    let deb = entries(&dir)?.into_iter().find(|p| p.extension().is_some_and(|e| e == "deb"));
    let deb = deb.ok_or_else(|| anyhow!("apt-get download {package} left no package"))?;
    let root = dir.join("root");
    run(Command::new("dpkg-deb").arg("-x").args([&deb, &root]))?;
    keep(&root)?;
    fs::remove_dir_all(&dir)?;
    Ok(())
}

/// Moves a finished file or directory to where it is kept, so that it is there whole or not at all.
fn place(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).with_context(|| format!("cannot move {} to {}", from.display(), to.display()))
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let list = fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?;
    list.map(|entry| Ok(entry?.path())).collect()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_kernel_is_compared_by_number_and_other_flavours_are_left_out() {
        let names = [
            "linux-image-6.12.9+deb12-cloud-arm64",
            "linux-image-6.12.95+deb12-cloud-arm64",
            "linux-image-6.12.95+deb12-cloud-arm64-dbg",
            "linux-image-6.12.95+deb12-cloud-arm64-unsigned",
            "linux-image-6.12.99+deb12-rt-arm64",
            "linux-image-6.12.90+deb12.1-arm64",
            "linux-image-6.12.90+deb12-arm64",
        ];
        let pick = |flavour| newest(names.iter().copied(), "linux-image-6.12.", flavour);
        assert_eq!(pick("-cloud-arm64"), Some(names[1]));
        assert_eq!(pick("-arm64"), Some(names[5]));
        assert_eq!(newest(names.iter().copied(), "linux-image-6.1.", "-arm64"), None);
        let names = ["linux-binary-7.2.12+deb13-arm64-16k", "linux-binary-7.3.4+deb13-arm64-16k"];
        assert_eq!(newest(names.iter().copied(), "linux-binary-7.", "-arm64-16k"), Some(names[1]));
        assert_eq!(newest(names.iter().copied(), "linux-binary-7.", "-arm64"), None);
    }
}
