//! EFI boots under every firmware, kernel, level and amount of RAM, and with the kernel at random places.

use super::{Case, EfiBoot, Firmware, Form, LIMIT, faults, keeps, line, on_board, usual};
use crate::assertions;
use crate::machine::{Level, Ram};
use crate::setup::{Release, Series};
use crate::test_bed::TestBed;
use crate::transcript::Transcript;
use anyhow::{Context, Result, ensure};
use ringfence::span::Span;
use std::collections::BTreeSet;

/// Boots with the kernel at a random place.
const RANDOM: usize = 10;

/// A carveout of 320 MiB, which a random place hits in one boot of three.
const LARGE: &[(&str, &str)] =
    &[("adsp@65100000", "adsp@50000000"), ("0x65100000 0x0 0x1000000", "0x50000000 0x0 0x14000000")];
/// The same.
const CARVEOUT: (u64, u64) = (0x5000_0000, 0x1400_0000);

/// Returns a boot for every combination that makes sense.
pub(super) fn matrix() -> Vec<Case> {
    let mut cases = Vec::new();
    let firmware = [
        ("edk2-12", Firmware::Edk2, Release::Bookworm),
        ("edk2-13", Firmware::Edk2, Release::Trixie),
        ("strict-nx", Firmware::StrictNx, Release::Trixie),
    ];
    for (which, firmware, release) in firmware {
        for series in Series::ALL {
            for (el, level) in [("el1", Level::El1), ("el2", Level::El2)] {
                for (size, ram) in [("1g", Ram::GIB), ("4g", Ram::GIB_4)] {
                    let name = format!("efi-{which}-{}-{el}-{size}", series.name());
                    cases.push(Case::new(name, move |bed, name| {
                        let boot = EfiBoot { firmware, release, level, ..on_board(bed, ram, series)? };
                        keeps(bed, name, &boot).map(|(_, seen)| seen)
                    }));
                }
            }
        }
    }
    cases.extend(random());
    cases
}

/// Returns the boots with the kernel at random places, alone and behind ringfence.
pub(super) fn random() -> Vec<Case> {
    let alone = Case::new("efi-kaslr-in-carveout-alone", |bed, name| {
        let places = (0..RANDOM).map(|n| {
            let name = format!("{name}-{n}");
            let boot = EfiBoot { form: Form::Alone, ..large(bed, &name)? };
            let transcript = bed.boot(&name, &boot.ready(bed, &name)?, LIMIT)?;
            assertions::came_up(&transcript)?;
            kernel(&transcript)
        });
        let places: Vec<Span> = places.collect::<Result<_>>()?;
        let carveout = Span::new(CARVEOUT.0, CARVEOUT.1).context("a span")?;
        let hits = places.iter().filter(|kernel| kernel.overlaps(carveout)).count();
        ensure!(hits > 0, "no kernel of {RANDOM} was in the carveout");
        Ok(format!(
            "the kernel is in the carveout in {hits} of {RANDOM} boots, at {} places",
            distinct(&places)
        ))
    });
    let behind = Case::new("efi-kaslr-in-carveout", |bed, name| {
        let places = (0..RANDOM).map(|n| {
            let name = format!("{name}-{n}");
            let (transcript, _) = keeps(bed, &name, &large(bed, &name)?)?;
            line(&transcript, "KASLR enabled")?;
            kernel(&transcript)
        });
        let places: Vec<Span> = places.collect::<Result<_>>()?;
        let distinct = distinct(&places);
        ensure!(distinct > RANDOM / 2, "the kernel was at {distinct} places only");
        Ok(format!("the carveout holds in {RANDOM} of {RANDOM} boots, with the kernel at {distinct} places"))
    });
    vec![alone.long(), behind.long()]
}

/// Returns a boot with random numbers and the large carveout.
fn large(bed: &TestBed, name: &str) -> Result<EfiBoot> {
    let dtb = faults::tree(bed, name, LARGE)?;
    Ok(EfiBoot { policy: None, dtb, random: true, ..usual(bed)? })
}

/// Counts places that differ.
fn distinct(places: &[Span]) -> usize {
    places.iter().map(|place| place.base()).collect::<BTreeSet<u64>>().len()
}

/// Returns where Linux runs.
fn kernel(transcript: &Transcript) -> Result<Span> {
    let entry = transcript.section("iomem").iter().find(|line| line.ends_with(": Kernel code"));
    let range = entry.and_then(|line| line.trim().split_once(" : ")).context("iomem names no kernel")?.0;
    let (start, last) = range.split_once('-').context("an entry of iomem is a range")?;
    let [start, last] = [start, last].map(|text| u64::from_str_radix(text, 16));
    Span::from_ends(start?, last?.saturating_add(1)).context("iomem shows no addresses")
}
