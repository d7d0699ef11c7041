//! Carveouts under pressure: they hold a pattern before the boot, Linux fills its memory, and what they hold
//! then is read through QEMU's monitor.

use crate::machine::Board;
use crate::transcript::{Ending, Transcript};
use crate::workspace::Workspace;
use anyhow::{Context, Result, anyhow, ensure};
use ringfence::facts::BootFacts;
use ringfence::fdt::Tree;
use ringfence::span::Span;
use ringfence::survey::MemoryMap;
use std::fmt;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

/// Bytes of a page.
const PAGE: usize = 4096;
/// What the command line says to make the init script fill memory.
pub(crate) const FILL: &str = "ringfence.stress";
/// The last line of a Linux that has powered off.
const POWER_DOWN: &str = "reboot: Power down";
/// How long the monitor may take to write a carveout into a file.
const PATIENCE: Duration = Duration::from_secs(60);

/// The carveouts of a board that is about to be booted.
pub(crate) struct Pressure {
    spans: Vec<Span>,
    /// Where the monitor listens.
    socket: PathBuf,
    /// Where it writes what it reads.
    dump: PathBuf,
    counted: Mutex<Option<Result<Changed>>>,
}

/// How many pages have changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    /// Pages that no longer hold the pattern.
    pub(crate) pages: usize,
    /// All of them.
    pub(crate) of: usize,
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pressure: {} of {} pages changed", self.pages, self.of)
    }
}

impl Pressure {
    /// Fills the carveouts that the tree `dtb` means to have with a pattern when `board` starts.
    ///
    /// # Errors
    /// When the tree has none, or a file cannot be written.
    pub(crate) fn on(ws: &Workspace, name: &str, board: &mut Board, dtb: &Path) -> Result<Self> {
        let bytes = fs::read(dtb).with_context(|| dtb.display().to_string())?;
        let tree = Tree::parse(&bytes).map_err(|error| anyhow!("{}: {error}", dtb.display()))?;
        let spans: Vec<Span> = MemoryMap::survey(&tree, &BootFacts::default()).carveouts().collect();
        ensure!(!spans.is_empty(), "{}: no carveout to watch", dtb.display());
        for span in &spans {
            let file = ws.scratch_file("pressure", &format!("{name}-{:x}", span.base()), "bin")?;
            fs::write(&file, pattern(*span)?)?;
            // QEMU reads a doubled comma as one of the file's own.
            let file = file.display().to_string().replace(',', ",,");
            let device = format!("loader,file={file},addr={:#x},force-raw=on", span.base());
            board.more.extend(["-device".into(), device]);
        }
        // The name of a socket must be short.
        let socket = std::env::temp_dir().join(format!("ringfence-{}-{name}.sock", std::process::id()));
        let monitor = format!("unix:{},server=on,wait=off", socket.display());
        // Memory is there to be read after Linux has powered off.
        board.more.extend(["-no-shutdown".into(), "-monitor".into(), monitor]);
        let dump = ws.scratch_file("pressure", name, "dump")?;
        Ok(Self { spans, socket, dump, counted: Mutex::new(None) })
    }

    /// Reads the carveouts once the console says that Linux is over, and returns whether it has.
    pub(crate) fn is_over(&self, console: &str) -> bool {
        let is_over = console.contains(POWER_DOWN) || console.contains("ringfence: HALT ");
        if is_over && let Ok(mut counted) = self.counted.lock() {
            *counted = Some(self.count());
        }
        is_over
    }

    /// Returns how many pages have changed. The transcript is then that of a board that has powered off.
    ///
    /// # Errors
    /// When Linux did not get so far, or the monitor cannot be asked.
    pub(crate) fn changed(self, transcript: &mut Transcript) -> Result<Changed> {
        let _ = fs::remove_file(&self.socket);
        let counted = self.counted.into_inner().ok().flatten();
        let end = || format!("Linux did not power off; {}:\n{}", transcript.ending, transcript.tail(8));
        let changed = counted.with_context(end)??;
        if transcript.lines.iter().any(|line| line.contains(POWER_DOWN)) {
            transcript.ending = Ending::PoweredOff;
        }
        Ok(changed)
    }

    fn count(&self) -> Result<Changed> {
        let mut monitor = Monitor::connect(&self.socket)?;
        let mut changed = Changed::default();
        for &span in &self.spans {
            let path = self.dump.display();
            monitor.run(&format!("pmemsave {:#x} {:#x} \"{path}\"", span.base(), span.len()))?;
            let (now, before) = (fs::read(&self.dump)?, pattern(span)?);
            ensure!(now.len() == before.len(), "the monitor wrote {} bytes of {span}", now.len());
            let pages = now.chunks(PAGE).zip(before.chunks(PAGE));
            changed.of += pages.len();
            changed.pages += pages.filter(|(now, before)| now != before).count();
        }
        let _ = fs::remove_file(&self.dump);
        Ok(changed)
    }
}

/// Returns what a carveout holds before the boot: the address of each word, with every bit turned, so that no
/// page is like another and none is like an empty one.
fn pattern(span: Span) -> Result<Vec<u8>> {
    let words = usize::try_from(span.len())? / 8;
    Ok((0..words).flat_map(|n| (!(span.base() + 8 * n as u64)).to_le_bytes()).collect())
}

/// QEMU's monitor for people.
struct Monitor(UnixStream);

impl Monitor {
    const PROMPT: &str = "(qemu) ";

    fn connect(socket: &Path) -> Result<Self> {
        let stream = UnixStream::connect(socket).with_context(|| socket.display().to_string())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut monitor = Self(stream);
        monitor.wait()?;
        Ok(monitor)
    }

    /// Runs a command that prints nothing when all is well.
    fn run(&mut self, command: &str) -> Result<()> {
        writeln!(self.0, "{command}")?;
        let answer = self.wait()?;
        ensure!(
            !answer.contains("Error") && !answer.contains("unknown command"),
            "the monitor says {answer}"
        );
        Ok(())
    }

    /// Reads up to the next prompt.
    fn wait(&mut self) -> Result<String> {
        let (mut text, mut buffer) = (Vec::new(), [0; 1024]);
        while !text.ends_with(Self::PROMPT.as_bytes()) {
            let count = self.0.read(&mut buffer).context("QEMU's monitor does not answer")?;
            ensure!(count > 0, "QEMU's monitor is gone");
            text.extend(buffer.iter().take(count));
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
