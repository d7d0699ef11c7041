//! The trees to boot, and the command lines to boot them with.

use crate::workspace::Workspace;
use crate::{dtc, job};
use anyhow::{Context, Result};
use ringfence::fdt::{Edits, Tree, rewrite};
use ringfence::profile::{KernelProfile, PageSize};
use ringfence::span::Span;
use std::fs;
use std::path::PathBuf;

/// What every boot needs on its command line: a console, all of the log on it, and an end after a panic.
const CMDLINE: &str = "console=ttyAMA0 earlycon panic=-1";

/// The tree that the variants of the command line belong to.
const FULL: &str = "q05-qcom-full";

/// What is added to the command line, by the name that the captured boots in `golden.json` have for it.
const VARIANTS: &[(&str, &str)] = &[
    ("cma256M", "cma=256M"),
    ("cma64M_at_range", "cma=64M@0x90000000-0xa0000000"),
    ("cma64M_at_fixed", "cma=64M@0x90000000"),
    ("cma_over_carveout", "cma=64M@0x84000000"),
    ("cma0", "cma=0"),
    ("cma_huge", "cma=8G"),
    ("cma_odd", "cma=5M"),
    ("cma_bad", "cma=64Q"),
    ("cma_over_kernel", "cma=64M@0x40000000"),
    ("cma_over_initrd", "cma=64M@0x48000000"),
    ("mem1G", "mem=1G"),
];

/// Variants whose command line asks for what can be had, so that even the good trees boot with them.
const CLEAN: &[(&str, &str)] =
    &[("cma256M", "cma=256M"), ("cma0", "cma=0"), ("cma64M_at_fixed", "cma=64M@0x90000000")];

/// Base and size of what the board's policy requires: out of Linux' reach in every repaired tree.
pub(crate) const REQUIRED: &[(u64, u64)] =
    &[(0x8180_0000, 30 << 20), (0x8430_0000, 5 << 20), (0x8610_0000, 40 << 20)];

/// The trees that nothing can repair under the board's policy without giving something away.
const REFUSED: &[&str] = &[
    "q08-shifted",
    "b10-dyn-too-big",
    "b12-over-initrd-nomap",
    "e03-over-kernel-map",
    "e05-over-dtb-nomap",
    "e07-cross-ram-end",
    "e23-size-len",
    "e24-alloc-range-outside",
    "e29-all-ram-reserved-low",
    // More than devices can reach: with less the board would boot, and without it has no pool.
    "q05-qcom-full+cma_huge",
];

/// More of them where pages have 64 KiB, so that pools are made of blocks of 512 MiB: a range of 256 MiB has
/// none, and 1 GiB with the kernel in it not two.
const REFUSED_OF_64K: &[&str] = &["q05-qcom-full+cma64M_at_range", "q05-qcom-full+mem1G"];

/// More of them where memblock holds 128 blocks of RAM, as in 5.10: a carveout makes three of one.
const REFUSED_OF_SMALL_ROOM: &[&str] = &["e10-65-regions"];
const SMALLEST_ROOM: usize = 128;

/// One tree with one command line.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// Unique, and fit for a file.
    pub(crate) name: String,
    /// Whether it is the tree that the tool has repaired.
    pub(crate) repaired: bool,
    /// Whether the tree enters the kernel byte for byte. QEMU writes RAM of its own into others.
    pub(crate) exact: bool,
    source: PathBuf,
    more: &'static str,
}

impl Scenario {
    /// Tells whether the tool must refuse to repair the tree for this kernel. It may refuse no other.
    pub(crate) fn must_be_refused(&self, kernel: &KernelProfile) -> bool {
        let is_in = |names: &[&str]| names.contains(&self.name.as_str());
        is_in(REFUSED)
            || (kernel.page == PageSize::K64 && is_in(REFUSED_OF_64K))
            || (kernel.build.room.memory <= SMALLEST_ROOM && is_in(REFUSED_OF_SMALL_ROOM))
    }

    /// Compiles the source. What its command line asks for comes after a console, and an exact tree tells
    /// where the `initrd` is.
    ///
    /// # Errors
    /// When the compiler fails or the blob cannot be written.
    pub(crate) fn source(&self, ws: &Workspace, name: &str, initrd: Span) -> Result<PathBuf> {
        let dtb = fs::read(dtc::compile(ws, &self.source)?)?;
        let tree = Tree::parse(&dtb).map_err(|error| anyhow::anyhow!("{error}"))?;
        let chosen = tree.find("/chosen").context("the tree has no /chosen")?;
        let own = chosen.prop("bootargs").and_then(|line| line.as_str()).unwrap_or_default();
        let mut edits = Edits::new();
        let line = [CMDLINE, job::QUICK, own, self.more].join(" ");
        edits.set(chosen.id(), "bootargs", format!("{}\0", line.trim_end()).into_bytes());
        if self.exact {
            edits.set(chosen.id(), "linux,initrd-start", initrd.base().to_be_bytes().to_vec());
            edits.set(chosen.id(), "linux,initrd-end", initrd.end().to_be_bytes().to_vec());
        }
        let path = ws.scratch_file("boots", name, "dtb")?;
        fs::write(&path, rewrite(&tree, &edits).map_err(|error| anyhow::anyhow!("{error}"))?)?;
        Ok(path)
    }
}

/// Returns the policy of the board that the scenarios are about.
pub(crate) fn policy(ws: &Workspace) -> PathBuf {
    ws.proving_ground().join("scenarios/board.toml")
}

/// Returns every scenario: all trees repaired, one of them with every command line too, and as they are the
/// good and the odd ones. With `all`, every tree as it is, the good ones also with the clean command lines.
///
/// # Errors
/// When the directory of the scenarios cannot be read.
pub(crate) fn every(ws: &Workspace, all: bool) -> Result<Vec<Scenario>> {
    let mut scenarios = Vec::new();
    for kind in ["good", "broken", "extra", "more", "odd"] {
        let dir = ws.proving_ground().join("scenarios").join(kind);
        let entries = fs::read_dir(&dir).with_context(|| dir.display().to_string())?;
        let mut sources = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        sources.retain(|path| path.extension().is_some_and(|extension| extension == "dts"));
        sources.sort();
        for source in sources {
            let stem = source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let mut add = |name: String, repaired, more| {
                let source = source.clone();
                scenarios.push(Scenario { name, repaired, exact: kind == "odd", source, more });
            };
            // The policy is about the board of the others.
            if !matches!(kind, "more" | "odd") {
                add(stem.clone(), true, "");
            }
            if stem == FULL {
                VARIANTS.iter().for_each(|(name, more)| add(format!("{stem}+{name}"), true, more));
            }
            if all || matches!(kind, "good" | "odd") {
                add(format!("{stem}-as-is"), false, "");
            }
            if all && kind == "good" {
                CLEAN.iter().for_each(|(name, more)| add(format!("{stem}-as-is+{name}"), false, more));
            }
        }
    }
    Ok(scenarios)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_scenario_has_a_name_of_its_own_and_there_are_enough_of_them() {
        let ws = Workspace::locate();
        for all in [false, true] {
            let scenarios = every(&ws, all).unwrap();
            let names: BTreeSet<_> = scenarios.iter().map(|scenario| &scenario.name).collect();
            assert_eq!(names.len(), scenarios.len());
            assert!(scenarios.len() >= 60, "{}", scenarios.len());
        }
    }
}
