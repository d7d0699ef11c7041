//! Boots under a model of the data cache, up to the jump to the kernel: nothing of the kernel's may be left
//! in the cache, and nothing is written or read past it that may be newer in it, or the other way round.

mod removed;

use super::{Case, chain, entry, overwrite, placement, sentinel};
use crate::boards::tree;
use crate::cache::{LINE, Seen, Subject};
use crate::chain::BootConfig;
use crate::profile::Symbols;
use crate::stage::Built;
use crate::test_bed::TestBed;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::PathBuf;

/// The places at which the stage is entered on a processor with longer lines: the first map is made of blocks
/// at one, of pages at the other.
const LONG: [&str; 2] = ["placement-stage-high", "placement-stage-at-4-kib"];

/// Returns the covering set of the chain, the unusual places, the sentinel, and the proof that each
/// instruction of maintenance is needed.
pub(super) fn cases() -> Vec<Case> {
    let chains = chain::configs().into_iter().map(|config| {
        Case::new(format!("cache-{config}"), move |bed, name| {
            lint(bed, name, &of_chain(bed, name, config)?, &config.form.stage(bed)?)
        })
    });
    let places = placement::entered().map(|place| {
        Case::new(format!("cache-{}", place.name), move |bed, name| {
            let board = placement::board(bed, name, place)?;
            lint(bed, name, &Subject { board, kernel: bed.payload()?.image, line: LINE }, &bed.stage()?)
        })
    });
    // A64FX has the longest lines of QEMU's processors.
    let long_lines = placement::entered().filter(|place| LONG.contains(&place.name)).map(|place| {
        Case::new(format!("cache-lines-of-256-{}", place.name), move |bed, name| {
            let mut board = placement::board(bed, name, place)?;
            board.more.extend(["-cpu", "a64fx"].map(String::from));
            let (mut subject, built) =
                (Subject { board, kernel: bed.payload()?.image, line: 256 }, bed.stage()?);
            let said = lint(bed, name, &subject, &built)?;
            // Steps of 256 bytes leave out three in four of shorter lines, which the model must see.
            subject.line = LINE;
            let (_, wrong) = follow(bed, name, &subject, &built)?;
            ensure!(!wrong.is_empty(), "lines of 64 bytes are all maintained, too");
            Ok(said)
        })
    });
    let others = [
        Case::new("cache-sentinel", |bed, name| {
            lint(bed, name, &sentinel::subject(bed, name)?, &bed.with_sentinel()?)
        }),
        Case::new("cache-entry-with-caches-on", entered_with_caches_on),
    ];
    chains.chain(places).chain(long_lines).chain(others).chain(removed::cases()).collect()
}

/// Returns the boot of a chain. Where the kernel is unpacked, which would take minutes of Linux', it is a
/// payload in its place.
fn of_chain(bed: &TestBed, name: &str, config: BootConfig) -> Result<Subject> {
    let kernel =
        if config.form.is_packed() { large(bed)? } else { config.board.kernel(&bed.ws, config.series) };
    Ok(Subject { board: config.ready_with(bed, name, &kernel)?, kernel, line: LINE })
}

/// Returns the payload, made too large for the stage's heap, so that unpacking it takes more memory.
fn large(bed: &TestBed) -> Result<PathBuf> {
    const LEN: usize = 12 << 20;
    const SIZE_AT: usize = 16;
    let payload = bed.payload()?.image;
    bed.file("large", &[&payload], "img", || {
        let mut image = fs::read(&payload)?;
        image.resize(LEN, 0);
        overwrite(&mut image, SIZE_AT, &(LEN as u64).to_le_bytes())?;
        Ok(image)
    })
}

/// The loader has left MMU and caches on. First tables are then written by the cache, and would be lost where
/// their lines are dropped and not cleaned.
fn entered_with_caches_on(bed: &TestBed, name: &str) -> Result<String> {
    let built = bed.stage()?;
    let symbols = Symbols::of(&fs::read(&built.elf)?)?;
    let mut stage = fs::read(bed.talkative()?)?;
    let subject = |stage: PathBuf| {
        let (board, kernel) = (entry::with_caches_on(bed, name, stage)?, bed.payload()?.image);
        anyhow::Ok(Subject { board, kernel, line: LINE })
    };
    let said = lint(bed, name, &subject(bed.talkative()?)?, &built)?;
    let from = usize::try_from(symbols.address("invalidate").context("no `invalidate`")?)?;
    let words = stage.get_mut(from..from + 0x80).context("`invalidate` is not in the file")?;
    for word in words.as_chunks_mut().0 {
        *word = removed::dropping(u32::from_le_bytes(*word)).map_or(*word, u32::to_le_bytes);
    }
    let stage = tree::keep(&bed.ws.scratch_file("cache", name, "img")?, &stage)?;
    let (_, wrong) = follow(bed, name, &subject(stage)?, &built)?;
    ensure!(!wrong.is_empty(), "lines are dropped, and nothing is noticed");
    Ok(said)
}

/// Boots it and fails when anything goes wrong.
fn lint(bed: &TestBed, name: &str, subject: &Subject, built: &Built) -> Result<String> {
    let (seen, wrong) = follow(bed, name, subject, built)?;
    ensure!(wrong.is_empty(), "with a cache: {wrong:#?}");
    Ok(format!("{} instructions of maintenance, and nothing left in the cache", seen.sites.len()))
}

/// Boots it, and returns what was seen and what goes wrong.
fn follow(bed: &TestBed, name: &str, subject: &Subject, built: &Built) -> Result<(Seen, Vec<String>)> {
    let symbols = Symbols::of(&fs::read(&built.elf)?)?;
    bed.model()?.lint(&bed.ws, name, subject, &symbols)
}
