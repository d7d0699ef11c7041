//! Boots under a model of the data cache, up to the jump to the kernel: nothing of the kernel's may be left
//! in the cache, and nothing is written or read past it that may be newer in it, or the other way round.

mod removed;

use super::{Case, chain, overwrite, placement, sentinel};
use crate::cache::{Model, Subject};
use crate::chain::BootConfig;
use crate::profile::Symbols;
use crate::stage::Built;
use crate::test_bed::TestBed;
use anyhow::{Result, ensure};
use std::fs;
use std::path::PathBuf;

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
            lint(bed, name, &Subject { board, kernel: bed.payload()?.image }, &bed.stage()?)
        })
    });
    let others = [Case::new("cache-sentinel", |bed, name| {
        lint(bed, name, &sentinel::subject(bed, name)?, &bed.with_sentinel()?)
    })];
    chains.chain(places).chain(others).chain(removed::cases()).collect()
}

/// Returns the boot of a chain. Where the kernel is unpacked, which would take minutes of Linux', it is a
/// payload in its place.
fn of_chain(bed: &TestBed, name: &str, config: BootConfig) -> Result<Subject> {
    let kernel =
        if config.form.is_packed() { large(bed)? } else { config.board.kernel(&bed.ws, config.series) };
    Ok(Subject { board: config.ready_with(bed, name, &kernel)?, kernel })
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

/// Boots it and fails when anything goes wrong.
fn lint(bed: &TestBed, name: &str, subject: &Subject, built: &Built) -> Result<String> {
    let symbols = Symbols::of(&fs::read(&built.elf)?)?;
    let model: Model = bed.model()?;
    let (seen, wrong) = model.lint(&bed.ws, name, subject, &symbols)?;
    ensure!(wrong.is_empty(), "with a cache: {wrong:#?}");
    Ok(format!("{} instructions of maintenance, and nothing left in the cache", seen.sites.len()))
}
