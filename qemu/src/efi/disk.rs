//! The EFI system partition: a directory that QEMU shows as a FAT file system.

use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// A directory that becomes the partition.
pub(super) struct Esp(PathBuf);

impl Esp {
    /// Makes an empty one; `name` is unique among boots side by side.
    pub(super) fn new(ws: &Workspace, name: &str) -> Result<Self> {
        let dir = ws.scratch("esp")?.join(name);
        if dir.exists() {
            fs::remove_dir_all(&dir).with_context(|| format!("cannot empty {}", dir.display()))?;
        }
        fs::create_dir_all(&dir)?;
        Ok(Self(dir))
    }

    /// Puts a file there, under a path of its own.
    pub(super) fn file(&self, path: &str, from: &Path) -> Result<()> {
        let to = self.parent_of(path)?;
        // Kernels are large: the same file under another name, where that is possible.
        if fs::hard_link(from, &to).is_err() {
            fs::copy(from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
        }
        Ok(())
    }

    /// Writes a text there.
    pub(super) fn text(&self, path: &str, text: &str) -> Result<()> {
        let to = self.parent_of(path)?;
        fs::write(&to, text).with_context(|| format!("cannot write {}", to.display()))
    }

    /// Returns its directory.
    pub(super) fn dir(self) -> PathBuf {
        self.0
    }

    fn parent_of(&self, path: &str) -> Result<PathBuf> {
        let to = self.0.join(path);
        fs::create_dir_all(to.parent().context("a path on the partition has a parent")?)?;
        Ok(to)
    }
}

/// Gives a board the partition as its only disk, which it cannot write to.
pub(super) fn attach(more: &mut Vec<String>, dir: &Path) {
    let dir = dir.display().to_string().replace(',', ",,");
    more.extend(["-drive".into(), format!("if=none,file=fat:{dir},format=raw,readonly=on,id=esp")]);
    more.extend(["-device", "virtio-blk-device,drive=esp"].map(String::from));
}
