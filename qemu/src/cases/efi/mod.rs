//! Boots by UEFI: each loader, each form of ringfence, and the faults that only an EFI boot has.

mod combinations;
mod faults;
mod loaders;
mod secure_boot;
mod trees;

use super::{Case, refused};
use crate::assertions;
use crate::boards::virt;
use crate::efi::{EfiBoot, EfiLoader, Firmware, Form, Signed};
use crate::job;
use crate::machine::{Level, Ram};
use crate::setup::{Release, Series};
use crate::test_bed::TestBed;
use crate::transcript::Transcript;
use crate::{dtc, reserved_nodes};
use anyhow::{Context, Result, anyhow, ensure};
use ringfence::efi::{EfiMap, EfiUse};
use std::time::Duration;

/// How long a boot may take on a busy machine; five seconds are usual.
const LIMIT: Duration = Duration::from_secs(120);

/// Returns every boot by UEFI.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = loaders::cases();
    cases.extend(faults::cases());
    cases.extend(trees::cases());
    cases.extend(secure_boot::cases());
    cases.extend(combinations::random());
    cases
}

/// Returns the boots of the matrix.
pub(super) fn matrix() -> Vec<Case> {
    combinations::matrix()
}

/// Returns the usual boot: EDK2 of Debian 13 at EL1, which starts the application with a bundle, on the 1 GiB
/// board.
fn usual(bed: &TestBed) -> Result<EfiBoot> {
    on_board(bed, Ram::GIB, Series::V6_12)
}

/// Returns the same with another amount of RAM and another kernel.
fn on_board(bed: &TestBed, ram: Ram, series: Series) -> Result<EfiBoot> {
    let source = job::default_tree(&bed.ws, ram);
    Ok(EfiBoot {
        firmware: Firmware::Edk2,
        release: Release::Trixie,
        loader: EfiLoader::Direct,
        form: Form::Application,
        level: Level::El1,
        ram,
        kernel: series.image(&bed.ws),
        series: Some(series),
        initrd: bed.initrd()?,
        dtb: dtc::compile(&bed.ws, &source)?,
        devicetree: None,
        bundled: None,
        policy: job::policy_of(&source),
        line: format!("{} {} efi=debug", virt::APPEND, job::QUICK),
        signed: Signed::Nothing,
        random: false,
    })
}

/// Boots Linux and checks that it keeps every carveout, and that its EFI map lists them as reserved.
fn keeps(bed: &TestBed, name: &str, boot: &EfiBoot) -> Result<(Transcript, String)> {
    let (transcript, seen) = boots(bed, name, boot)?;
    listed(&transcript)?;
    Ok((transcript, seen))
}

/// Boots Linux and checks that it keeps every carveout.
fn boots(bed: &TestBed, name: &str, boot: &EfiBoot) -> Result<(Transcript, String)> {
    let transcript = bed.boot(name, &boot.ready(bed, name)?, LIMIT)?;
    let held = assertions::held(&transcript)?;
    ensure!(held.carveouts > 0, "the tree has no carveout");
    Ok((transcript, held.to_string()))
}

/// Fails unless the boot is refused for this reason.
fn refuses(bed: &TestBed, name: &str, boot: &EfiBoot, reason: &str) -> Result<String> {
    let transcript = bed.boot(name, &boot.ready(bed, name)?, LIMIT)?;
    let halt = refused(&transcript)?;
    ensure!(halt.contains(reason), "refused for another reason: {halt}");
    Ok(format!("refused: {halt}"))
}

/// Checks in the EFI map that Linux printed that every carveout of its tree is reserved.
fn listed(transcript: &Transcript) -> Result<()> {
    let map = map(transcript)?;
    for region in reserved_nodes::regions(transcript.section("reserved-memory"))? {
        for &span in region.spans.iter().filter(|_| region.no_map && region.is_enabled()) {
            let reserved = map.within(span).filter(|range| range.kind.usage() == EfiUse::Reserved);
            let bytes: u64 = reserved.map(|range| range.span.len()).sum();
            ensure!(bytes == span.len(), "the EFI map has {bytes} bytes of {} {span} reserved", region.name);
        }
    }
    Ok(())
}

/// Returns the EFI map that Linux printed.
fn map(transcript: &Transcript) -> Result<EfiMap> {
    let text = transcript.lines.join("\n");
    ringfence::efi::parse(&text).map(|(map, _)| map).map_err(|why| anyhow!("efi=debug: {why}"))
}

/// Returns the first line of the console that holds `text`.
fn line<'t>(transcript: &'t Transcript, text: &str) -> Result<&'t str> {
    let found = transcript.lines.iter().find(|line| line.contains(text));
    found
        .map(String::as_str)
        .with_context(|| format!("no line with `{text}`; the end was:\n{}", transcript.tail(6)))
}
