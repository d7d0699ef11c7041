//! The initramfs: one static busybox and a script that prints the memory map that Linux ended up with.

mod cpio;

use crate::setup::Series;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The script that Linux starts as process 1.
const INIT: &str = include_str!("init.sh");
/// What that script reads in: accesses that a sentinel answers.
const SENTINEL: &str = include_str!("sentinel.sh");

/// Builds the initramfs and returns its path. Takes some ten milliseconds and is never stale.
pub(crate) fn build(ws: &Workspace) -> Result<PathBuf> {
    let busybox = crate::setup::busybox(ws);
    let busybox = fs::read(&busybox).with_context(|| format!("cannot read {}", busybox.display()))?;
    // Not packed: unpacking costs each boot more than copying.
    let path = ws.scratch("initramfs")?.join("initramfs.cpio");
    // Boots run side by side: none may see another's half-written file.
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&beside, archive(&busybox, &modules(ws)?, &[]))?;
    fs::rename(&beside, &path)?;
    Ok(path)
}

/// The program that the script starts after it printed the map, if a test adds it.
pub(crate) const MORE: &str = "more";

/// Builds an initramfs with further programs and files, by their path in it.
pub(crate) fn with_files(ws: &Workspace, name: &str, files: &[(&str, Vec<u8>)]) -> Result<PathBuf> {
    let busybox = fs::read(crate::setup::busybox(ws)).context("cannot read busybox")?;
    let path = ws.scratch_file("initramfs", name, "cpio")?;
    fs::write(&path, archive(&busybox, &BTreeMap::new(), files))?;
    Ok(path)
}

/// Returns the modules of every kernel that set-up has fetched, by their path under `lib/modules`.
fn modules(ws: &Workspace) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut modules = BTreeMap::new();
    for series in Series::ALL.into_iter().chain(Series::MORE) {
        for release in list(&series.modules(ws))? {
            for module in list(&release)? {
                let path = module.strip_prefix(series.modules(ws))?.display().to_string();
                modules.insert(path, fs::read(&module)?);
            }
        }
    }
    Ok(modules)
}

/// Returns what a directory holds, nothing when there is none.
fn list(dir: &Path) -> Result<Vec<PathBuf>> {
    match dir.is_dir() {
        true => fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect(),
        false => Ok(Vec::new()),
    }
}

fn archive(busybox: &[u8], modules: &BTreeMap<String, Vec<u8>>, files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = cpio::Archive::default();
    for name in ["bin", "dev", "lib", "lib/modules", "mnt", "proc", "sys"] {
        archive.directory(name);
    }
    let releases: BTreeSet<&str> = modules.keys().filter_map(|path| Some(path.split_once('/')?.0)).collect();
    for release in releases {
        archive.directory(&format!("lib/modules/{release}"));
    }
    for (path, module) in modules {
        archive.program(&format!("lib/modules/{path}"), module);
    }
    // Without it process 1 would have no standard output.
    archive.character_device("dev/console", 5, 1);
    archive.character_device("dev/zero", 1, 5);
    archive.character_device("dev/kmsg", 1, 11);
    archive.character_device("dev/mem", 1, 1);
    archive.character_device("dev/null", 1, 3);
    archive.program("bin/busybox", busybox);
    files.iter().for_each(|(name, content)| archive.program(name, content));
    archive.program("init", INIT.as_bytes());
    archive.program("sentinel.sh", SENTINEL.as_bytes());
    archive.finish()
}
