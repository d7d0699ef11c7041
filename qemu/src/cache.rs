//! A boot under a model of the data cache, which QEMU has none of: what would go wrong on a processor with
//! one.

use crate::counter;
use crate::machine::{Board, Entry};
use crate::profile::Symbols;
use crate::runner;
use crate::setup;
use crate::transcript::{Ending, Transcript};
use crate::workspace::Workspace;
use anyhow::{Context, Result, anyhow, bail, ensure};
use ringfence::facts::BootFacts;
use ringfence::fdt::Tree;
use ringfence::kernel_image::Header;
use ringfence::span::Span;
use ringfence::survey::MemoryMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The stage's functions that are maintenance as a whole.
pub(crate) const FUNCTIONS: [&str; 2] = ["invalidate", "clean"];

/// The plug-in that models the cache, compiled, and the QEMU that it is for.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    qemu: PathBuf,
    plugin: PathBuf,
}

/// What is booted under the model.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// The board, with everything loaded.
    pub(crate) board: Board,
    /// The kernel that is entered in the end, not packed.
    pub(crate) kernel: PathBuf,
    /// Bytes of a line of the processor's cache.
    pub(crate) line: u64,
}

/// Bytes of a line of most caches.
pub(crate) const LINE: u64 = 64;

impl Subject {
    /// Returns the image with the stage, which a loader cleans before it enters it.
    fn image(&self) -> Result<&Path> {
        let image = match &self.board.entry {
            Entry::Linux { kernel, .. } => Some(kernel),
            Entry::Firmware { loaded, .. } | Entry::Raw { loaded, .. } => loaded.first().map(|one| &one.file),
            Entry::Edk2 { .. } => None,
        };
        image.map(PathBuf::as_path).context("the stage is not loaded as an image")
    }

    /// Returns the bytes that the kernel needs, with its BSS.
    fn footprint(&self) -> Result<u64> {
        let kernel = fs::read(&self.kernel).with_context(|| self.kernel.display().to_string())?;
        let header = Header::parse(&kernel).map_err(|error| anyhow!("{error}"))?;
        Ok(header.footprint(kernel.len() as u64))
    }
}

/// What would go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hazard {
    kind: String,
    /// The instruction that does it, counted from the stage's first byte.
    offset: u64,
    /// The line of memory.
    line: u64,
}

/// A boot as the plug-in saw it, up to the jump to the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    stage: Option<Span>,
    /// Instructions of maintenance that were executed, and calls of [`FUNCTIONS`], counted from the stage's
    /// first byte.
    pub(crate) sites: Vec<u64>,
    hazards: Vec<Hazard>,
    /// The address of the jump and the device tree.
    jump: Option<(u64, u64)>,
    dirty: Vec<Span>,
    clean: Vec<Span>,
}

/// The plug-in's source.
const SOURCE: &str = concat!(
    include_str!("../plugin/cache/interface.c"),
    include_str!("../plugin/cache/lines.c"),
    include_str!("../plugin/cache/model.c"),
    include_str!("../plugin/cache/follow.c"),
);

impl Model {
    /// Compiles the plug-in, unless this very one is there already.
    ///
    /// # Errors
    /// When QEMU does not run, or the plug-in does not compile.
    pub(crate) fn build(ws: &Workspace) -> Result<Self> {
        let qemu = setup::new_qemu(ws);
        let plugin = counter::plugin(ws, &qemu, "cache", SOURCE)?;
        Ok(Self { qemu, plugin })
    }

    /// Boots up to the jump to the kernel, and returns what goes wrong with a cache, a line each.
    ///
    /// # Errors
    /// When the kernel is not entered.
    pub(crate) fn lint(
        &self,
        ws: &Workspace,
        name: &str,
        subject: &Subject,
        symbols: &Symbols,
    ) -> Result<(Seen, Vec<String>)> {
        let out = ws.scratch_file("cache", name, "txt")?;
        let tree = ws.scratch_file("cache", name, "txt.dtb")?;
        let _ = fs::remove_file(&out);
        let file = fs::metadata(subject.image()?)?.len();
        let mut board = subject.board.clone();
        board.emulator = Some(self.qemu.clone());
        let [code, memory] = ["__text_end", "__image_end"].map(|name| symbols.address(name));
        let (code, memory) = code.zip(memory).context("not the symbols of the stage")?;
        let plugin = self.plugin.display();
        let mut plugin = format!("{plugin},code={code},memory={memory},image={file},line={}", subject.line);
        for function in FUNCTIONS.iter().filter_map(|name| symbols.address(name)) {
            plugin.push_str(&format!(",call={function}"));
        }
        board.plugin = Some(format!("{plugin},out={}", out.display()));
        let log = ws.scratch_file("logs", name, "log")?;
        let mut log = fs::File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let transcript = runner::run(&board, LIMIT, &mut log)?;
        writeln!(log, "\n{}\n{}", transcript.command, transcript.complaints)?;
        let ending = &transcript.ending;
        let why = || format!("{ending}; {}; the end was:\n{}", transcript.complaints, transcript.tail(8));
        ensure!(*ending == Ending::PoweredOff && out.is_file(), "the kernel was not entered: {}", why());
        let seen = Seen::read(&fs::read_to_string(&out)?)?;
        let wrong = seen.wrong(&transcript, &fs::read(&tree)?, subject, symbols)?;
        Ok((seen, wrong))
    }
}

/// How long the way to the kernel may take on a busy machine; a second or two are usual.
const LIMIT: Duration = Duration::from_secs(120);

impl Seen {
    fn read(text: &str) -> Result<Self> {
        let mut seen = Self::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |at: usize| {
                let word = words.get(at).copied().unwrap_or_default();
                u64::from_str_radix(word, 16).with_context(|| format!("no number {at} in `{line}`"))
            };
            let span = || Span::from_ends(number(1)?, number(2)?).with_context(|| format!("empty: `{line}`"));
            match words.first().copied().unwrap_or_default() {
                "stage" => seen.stage = Some(span()?),
                "site" => seen.sites.push(number(1)?),
                "hazard" => {
                    let kind = words.get(1).copied().unwrap_or_default().to_owned();
                    seen.hazards.push(Hazard { kind, offset: number(2)?, line: number(3)? });
                }
                "jump" => seen.jump = Some((number(1)?, number(2)?)),
                "dirty" => seen.dirty.push(span()?),
                "clean" => seen.clean.push(span()?),
                _ => bail!("not known: `{line}`"),
            }
        }
        Ok(seen)
    }

    /// Returns what goes wrong: each hazard, what is left in the cache outside of the stage, and what of the
    /// kernel's is not known to be in memory.
    fn wrong(
        &self,
        transcript: &Transcript,
        tree: &[u8],
        subject: &Subject,
        symbols: &Symbols,
    ) -> Result<Vec<String>> {
        let stage = self.stage.context("the stage was not entered")?;
        let (_, dtb) = self.jump.context("no jump")?;
        let mut wrong: Vec<String> = self.hazards.iter().map(|hazard| hazard.describe(symbols)).collect();
        let left = self.dirty.iter().filter(|span| !stage.covers(**span));
        wrong.extend(left.map(|span| format!("written, and still in the cache at the jump: {span}")));

        let said = |start: &str| transcript.stage().find_map(|line| line.strip_prefix(start));
        let base = said("hand-off: kernel ").and_then(|rest| hexadecimal(rest.split(' ').next()?));
        let kernel = Span::new(base.context("no line about the hand-off")?, subject.footprint()?);
        let log = said("structured log at ").and_then(|rest| {
            let (begin, end) = rest.split(' ').next()?.split_once("..")?;
            Span::from_ends(hexadecimal(begin)?, hexadecimal(end)?)
        });
        let dtb = Span::new(dtb, tree.len() as u64);
        let tree = Tree::parse(tree).map_err(|error| anyhow!("the kernel's device tree: {error}"))?;
        let initrd = MemoryMap::survey(&tree, &BootFacts::default()).chosen.initrd;
        let all = [("kernel", kernel), ("device tree", dtb), ("initrd", initrd), ("structured log", log)];
        for (what, span) in all {
            if let Some(span) = span.filter(|&span| !self.is_clean(span, subject.line)) {
                wrong.push(format!("the {what} at {span} is not known to be in memory"));
            }
        }
        Ok(wrong)
    }

    /// Tells whether all lines of a span are. Spans that were written side by side are one.
    fn is_clean(&self, span: Span, line: u64) -> bool {
        span.outward(line).is_some_and(|span| self.clean.iter().any(|clean| clean.covers(span)))
    }
}

fn hexadecimal(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

impl Hazard {
    fn describe(&self, symbols: &Symbols) -> String {
        let what = match self.kind.as_str() {
            "newer-in-cache" => "accesses past the cache what may be newer in it",
            "newer-in-memory" => "finds in the cache what is newer in memory",
            "lost" => "drops what may be newer in the cache",
            "not-waited-for" => "does not wait for what was done before",
            "old-translation" => "turns the MMU on without dropping translations, or waiting for that",
            "old-instructions" => "is entered without dropping instructions, or waiting for that",
            _ => "does what the model does not know",
        };
        let (name, distance) = symbols.at(self.offset).unwrap_or(("?", self.offset));
        format!("{name}+{distance:#x} {what}: line {:#x}", self.line)
    }
}
