//! `--check-reproducible`: builds a release a second time as another machine might, and compares all bytes.
//!
//! The sources are copied to another directory. Target directory, time zone, language, umask and the order of
//! directory entries differ, too. The compilers and cargo's home are the same.

use super::epoch::EPOCH;
use super::{Options, Part, Release};
use crate::shell::{capture, run};
use crate::workspace::{ROOT, Workspace};
use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The second place, outside of the first, so that no configuration of it is found above.
struct Elsewhere(PathBuf);

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Builds the same parts again and compares.
///
/// # Errors
/// When the second build fails, or a file has other bytes.
pub(super) fn check(release: &Release<'_>, options: &Options) -> Result<()> {
    let ws = release.ws;
    let place = std::env::temp_dir().join(format!("ringfence-built-again-{}", std::process::id()));
    let elsewhere = Elsewhere(place);
    let (root, target) = (elsewhere.0.join("sources"), elsewhere.0.join("built"));
    copy_sources(ws, &root)?;
    // What set-up has brought in is not built again.
    fs::create_dir_all(&target)?;
    symlink(ws.cache(), target.join("ringfence-cache"))?;

    let mut again = Command::new("sh");
    again.args(["-c", "umask 077; exec \"$@\"", "sh"]).arg(std::env::current_exe()?).arg("dist");
    again.arg("--no-install").args(options.host_only.then_some("--host-only"));
    if let Some(part) = options.only.as_ref().and_then(Part::to_possible_value) {
        again.args(["--only", part.get_name()]);
    }
    again.env(ROOT, &root).env("CARGO_TARGET_DIR", &target).current_dir(&root);
    again.env(EPOCH, &release.epoch).env("TZ", "Pacific/Kiritimati").env("LC_ALL", "C");
    run(&mut again).context("the second build")?;
    compare(&release.dist, &target.join("ringfence-dist"), options.only.is_none())
}

/// Copies what git knows, and what it would be told of: the files of the working tree.
fn copy_sources(ws: &Workspace, to: &Path) -> Result<()> {
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let list = capture(Command::new("git").args(list).current_dir(&ws.root))?;
    for name in list.split('\0').filter(|name| !name.is_empty()).rev() {
        let (from, to) = (ws.root.join(name), to.join(name));
        // One that is removed, and not yet from the list.
        if !from.is_file() {
            continue;
        }
        fs::create_dir_all(to.parent().context("a file without a directory")?)?;
        fs::copy(&from, &to).with_context(|| from.display().to_string())?;
    }
    Ok(())
}

/// Compares the files of two directories; those of the first that are not in the second are of another part.
fn compare(first: &Path, second: &Path, is_whole: bool) -> Result<()> {
    let (ours, theirs) = (names(first)?, names(second)?);
    ensure!(!is_whole || ours == theirs, "other files: {:?}", ours.symmetric_difference(&theirs));
    let (mut count, mut size, mut differences) = (0, 0, Vec::new());
    for name in &theirs {
        // The sums are of all parts, and are compared with them.
        let is_of_all = name == super::SUMS || super::SUMS_OF_RECIPES.iter().any(|sums| name == sums);
        if !is_whole && (is_of_all || !ours.contains(name)) {
            continue;
        }
        count += 1;
        let (a, b) = (fs::read(first.join(name))?, fs::read(second.join(name))?);
        size += a.len();
        if a != b {
            let at = a.iter().zip(&b).position(|(a, b)| a != b).unwrap_or(a.len().min(b.len()));
            let (name, a, b) = (name.to_string_lossy(), a.len(), b.len());
            differences.push(format!("{name}: {a} and {b} bytes, other from byte {at} on"));
        }
    }
    if !differences.is_empty() {
        bail!("two builds of the same sources differ:\n  {}", differences.join("\n  "));
    }
    println!("reproducible: {count} files of {size} bytes are the same in two builds");
    Ok(())
}

fn names(directory: &Path) -> Result<BTreeSet<OsString>> {
    let list = fs::read_dir(directory).with_context(|| directory.display().to_string())?;
    Ok(list.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_that_differs_is_named() {
        let place = Workspace::locate().scratch("reproducible-test").unwrap();
        let (first, second) = (place.join("first"), place.join("second"));
        for directory in [&first, &second] {
            fs::create_dir_all(directory).unwrap();
            fs::write(directory.join("a"), "same").unwrap();
            fs::write(directory.join("b"), "0123").unwrap();
        }
        compare(&first, &second, true).unwrap();
        fs::write(second.join("b"), "01x3").unwrap();
        let error = compare(&first, &second, true).unwrap_err().to_string();
        assert!(error.contains("b: 4 and 4 bytes, other from byte 2 on"), "{error}");
        fs::remove_file(second.join("b")).unwrap();
        // Sums of all parts differ where one part was built.
        for (directory, sums) in [(&first, "of a and b"), (&second, "of a")] {
            fs::write(directory.join("ringfence.hash"), sums).unwrap();
        }
        compare(&first, &second, false).unwrap();
        assert!(compare(&first, &second, true).unwrap_err().to_string().contains("\"b\""));
        fs::remove_dir_all(place).unwrap();
    }
}
