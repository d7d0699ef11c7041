//! The exact number of instructions between two addresses, counted by a plug-in that QEMU loads.

use crate::shell::{capture, run};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The plug-in's source, compiled against the interface of the QEMU that is installed.
const SOURCE: &str = include_str!("../plugin/count.c");
/// What each plug-in begins with.
const QEMU: &str = include_str!("../plugin/qemu.c");

/// The compiled plug-in.
#[derive(Clone, Debug)]
pub(crate) struct Counter(PathBuf);

/// Between which instructions to count.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Window {
    /// First instruction counted; without it the first one that the board executes.
    pub(crate) from: Option<u64>,
    /// Where a write makes the count on the way be noted.
    pub(crate) mark: Option<u64>,
    /// First instruction not counted.
    pub(crate) to: u64,
    /// Bytes from `from` on whose instructions are also counted one by one.
    pub(crate) image: Option<u64>,
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Instructions executed in the window.
    pub(crate) total: u64,
    /// Those before the mark.
    pub(crate) mark: Option<u64>,
    /// The count at each write to the system control register, which turns MMU and caches on and off.
    pub(crate) control_writes: Vec<u64>,
    /// Offset into the image and how often its instruction was executed.
    pub(crate) per_instruction: Vec<(u64, u64)>,
}

impl Count {
    /// Instructions executed with MMU and caches off.
    ///
    /// A board starts and a kernel is entered with them off, so the last write to the control register turned
    /// them off, the one before on, and so on backwards: writes alternate in a program that counts its own.
    pub(crate) fn caches_off(&self) -> u64 {
        let mut off = self.control_writes.first().copied().unwrap_or(self.total);
        let mut until = self.total;
        for (at, write) in self.control_writes.iter().rev().enumerate() {
            if at % 2 == 0 {
                off += until - write;
            }
            until = *write;
        }
        off
    }
}

impl Counter {
    /// Compiles the plug-in, unless this very one is there already.
    pub(crate) fn build(ws: &Workspace) -> Result<Self> {
        Ok(Self(plugin(ws, Path::new("qemu-system-aarch64"), "count", SOURCE)?))
    }

    /// Returns what QEMU's `-plugin` takes to count in this window into a file.
    pub(crate) fn argument(&self, window: Window, out: &Path) -> String {
        let mut text = format!("{},to={:#x},out={}", self.0.display(), window.to, out.display());
        for (name, value) in [("from", window.from), ("mark", window.mark), ("image", window.image)] {
            if let Some(value) = value {
                text.push_str(&format!(",{name}={value:#x}"));
            }
        }
        text
    }
}

/// Compiles a plug-in against the interface of this QEMU, unless this very one is there already.
///
/// # Errors
/// When QEMU does not run, or the plug-in does not compile.
pub(crate) fn plugin(ws: &Workspace, qemu: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let version = capture(Command::new(qemu).arg("--version"))?;
    let api = api_of(&version).with_context(|| format!("cannot read QEMU's version: {version}"))?;
    let text = [QEMU, text].concat();
    let hash = Sha256::digest(format!("{api}\n{text}"));
    let key: String = hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let dir = ws.cache().join("counter");
    fs::create_dir_all(&dir)?;
    let (source, plugin) = (dir.join(format!("{name}.c")), dir.join(format!("{name}-{key}.so")));
    if !plugin.is_file() {
        fs::write(&source, text)?;
        let mut cc = Command::new("cc");
        cc.args(["-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared"]);
        cc.arg(format!("-DPLUGIN_API={api}")).arg("-o").args([&plugin, &source]);
        run(&mut cc).with_context(|| format!("compiling {name}.c"))?;
    }
    Ok(plugin)
}

/// The plug-in that counts a whole boot, compiled.
#[derive(Clone, Debug)]
pub(crate) struct ShareCounter(PathBuf);

impl ShareCounter {
    /// Compiles the plug-in, unless this very one is there already.
    pub(crate) fn build(ws: &Workspace) -> Result<Self> {
        let qemu = Path::new("qemu-system-aarch64");
        Ok(Self(plugin(ws, qemu, "share", include_str!("../plugin/share.c"))?))
    }

    /// Returns what QEMU's `-plugin` takes to count a boot, and in it the `size` bytes from `base` on.
    pub(crate) fn argument(&self, base: u64, size: u64, out: &Path) -> String {
        format!("{},base={base:#x},size={size:#x},out={}", self.0.display(), out.display())
    }
}

/// The instructions of a boot on all processors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    /// All of them.
    pub(crate) all: u64,
    /// Those in the span.
    pub(crate) inside: u64,
    /// How often the span was entered.
    pub(crate) entries: u64,
}

/// Reads what the plug-in for whole boots wrote.
///
/// # Errors
/// When there is nothing, or not a count.
pub(crate) fn read_share(out: &Path) -> Result<Share> {
    let text = fs::read_to_string(out).context("the board was not counted")?;
    let number = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|number| number.parse().ok()).with_context(|| format!("no count of `{name}`"))
    };
    Ok(Share { all: number("all")?, inside: number("inside")?, entries: number("entries")? })
}

/// Reads what the plug-in wrote.
///
/// # Errors
/// When there is nothing: the end of the window was never executed.
pub(crate) fn read(out: &Path) -> Result<Count> {
    let text = fs::read_to_string(out).context("the board did not reach the end of the counted window")?;
    let mut count = Count::default();
    for line in text.lines() {
        let mut words = line.split(' ');
        let mut number = || words.next_back().and_then(|word| word.parse::<u64>().ok());
        let value = number().with_context(|| format!("no count: `{line}`"))?;
        match line.split(' ').next() {
            Some("count") => count.total = value,
            Some("mark") => count.mark = Some(value),
            Some("sctlr") => count.control_writes.push(value),
            Some("at") => {
                let offset = number().with_context(|| format!("no count: `{line}`"))?;
                count.per_instruction.push((offset, value));
            }
            _ => bail!("no count: `{line}`"),
        }
    }
    Ok(count)
}

/// Returns the plug-in interface of a QEMU release: each accepts its own and somewhat older ones.
fn api_of(version: &str) -> Option<u32> {
    let number = version.split_whitespace().skip_while(|word| *word != "version").nth(1)?;
    let mut parts = number.split('.').map_while(|part| part.parse::<u32>().ok());
    Some(match (parts.next()?, parts.next()?) {
        (..=8, ..=1) | (..=7, _) => 1,
        (8, _) => 2,
        (9, 0) => 2,
        (9, _) => 3,
        _ => 4,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_are_off_before_the_first_write_and_after_every_second_one_from_the_end() {
        let off = |control_writes: &[u64]| {
            Count { total: 1000, control_writes: control_writes.to_vec(), ..Count::default() }.caches_off()
        };
        assert_eq!(off(&[]), 1000);
        assert_eq!(off(&[50, 990]), 50 + 10, "on at 50, off at 990");
        assert_eq!(off(&[40, 50, 300, 310, 990]), 40 + 10 + 10 + 10, "off, on, off, on, off");
    }

    #[test]
    fn the_interface_follows_from_the_release() {
        assert_eq!(api_of("QEMU emulator version 7.2.22 (Debian 1:7.2)"), Some(1));
        assert_eq!(api_of("QEMU emulator version 8.2.1"), Some(2));
        assert_eq!(api_of("QEMU emulator version 10.0.3"), Some(4));
        assert_eq!(api_of("nonsense"), None);
    }
}
