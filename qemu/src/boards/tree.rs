//! The trees of these boards: QEMU's own, or Debian's, with carveouts added.

use super::config::BoardConfig;
use crate::dtc;
use crate::machine::{Board, Entry, Level};
use crate::setup;
use crate::shell::capture;
use crate::workspace::Workspace;
use anyhow::{Context, Result, anyhow};
use ringfence::fdt::{Edits, Tree, apply_overlay, rewrite};
use ringfence::span::Span;
use std::fs;
use std::path::{Path, PathBuf};

/// Returns the tree of a board without added carveouts.
pub(crate) fn base(ws: &Workspace, board: &BoardConfig, level: Level) -> Result<PathBuf> {
    if let Some(tree) = board.tree {
        return Ok(setup::corpus(ws).join(tree));
    }
    let dtb = ws.scratch_file("dtb", &board.at(level), "base.dtb")?;
    let beside = unique(&dtb);
    let entry = match board.is_virt() {
        true => Entry::Raw { loaded: Vec::new(), start: board.ram_base },
        // Only for a kernel are there processors that firmware starts.
        false => Entry::Linux { kernel: setup::board_kernel(ws), initrd: None, dtb: None, append: None },
    };
    let plain = Board {
        machine: board.machine,
        level,
        ram: board.ram,
        entry,
        plugin: None,
        emulator: None,
        more: board.arguments(),
    };
    let mut qemu = plain.command();
    capture(qemu.arg("-machine").arg(format!("dumpdtb={}", beside.display()))).context("QEMU's own tree")?;
    fs::rename(&beside, &dtb)?;
    Ok(dtb)
}

/// Returns the overlay with the board's carveouts, compiled.
pub(crate) fn carveouts(ws: &Workspace, board: &BoardConfig) -> Result<PathBuf> {
    dtc::compile(ws, &board.overlay(ws))
}

/// Returns the tree with its carveouts.
pub(crate) fn whole(ws: &Workspace, board: &BoardConfig, level: Level) -> Result<PathBuf> {
    with_overlay(ws, board, level, &board.overlay(ws), &board.at(level))
}

/// Returns the board's tree with the overlay of this source applied, under `name`.
pub(crate) fn with_overlay(
    ws: &Workspace,
    board: &BoardConfig,
    level: Level,
    overlay: &Path,
    name: &str,
) -> Result<PathBuf> {
    let (base, overlay) = (fs::read(base(ws, board, level)?)?, fs::read(dtc::compile(ws, overlay)?)?);
    let words = |error: &dyn std::fmt::Display| anyhow!("{}: {error}", board.name);
    let base = Tree::parse(&base).map_err(|error| words(&error))?;
    let overlay = Tree::parse(&overlay).map_err(|error| words(&error))?;
    let blob = apply_overlay(&base, &overlay).map_err(|error| words(&error))?;
    keep(&ws.scratch_file("dtb", name, "dtb")?, &blob)
}

/// Returns a copy of a tree with the place of the initrd slot, as a loader would write it.
pub(crate) fn with_slot(tree: &Path, copy: &Path, slot: Span) -> Result<PathBuf> {
    let bytes = fs::read(tree)?;
    let tree = Tree::parse(&bytes).map_err(|error| anyhow!("{error}"))?;
    let chosen = tree.find("/chosen").context("no /chosen")?.id();
    let mut edits = Edits::new();
    edits.set(chosen, "linux,initrd-start", slot.base().to_be_bytes().to_vec());
    edits.set(chosen, "linux,initrd-end", slot.end().to_be_bytes().to_vec());
    keep(copy, &rewrite(&tree, &edits).map_err(|error| anyhow!("{error}"))?)
}

/// Returns a copy of a tree with this command line.
pub(crate) fn with_bootargs(tree: &Path, copy: &Path, bootargs: &str) -> Result<PathBuf> {
    let bytes = fs::read(tree)?;
    let tree = Tree::parse(&bytes).map_err(|error| anyhow!("{error}"))?;
    let chosen = tree.find("/chosen").context("no /chosen")?.id();
    let mut edits = Edits::new();
    edits.set(chosen, "bootargs", format!("{bootargs}\0").into_bytes());
    keep(copy, &rewrite(&tree, &edits).map_err(|error| anyhow!("{error}"))?)
}

/// Writes a file that others may be reading.
pub(crate) fn keep(path: &Path, bytes: &[u8]) -> Result<PathBuf> {
    let beside = unique(path);
    fs::write(&beside, bytes).with_context(|| beside.display().to_string())?;
    fs::rename(&beside, path)?;
    Ok(path.into())
}

fn unique(path: &Path) -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    path.with_extension(format!("{}-{}.tmp", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)))
}
