//! The stage, its device tree and its bundle at the odd places where loaders put things, with garbage where
//! the stage will have its data. A payload in the kernel's place says whether it was entered as Linux wants
//! to be.

use super::bad_input::{jump_to, overwrite, pack};
use super::{Case, refused};
use crate::boards::{tree, virt};
use crate::machine::{Board, Entry, Level, Loaded, Ram};
use crate::test_bed::TestBed;
use crate::transcript::{Ending, Transcript};
use anyhow::{Context, Result, anyhow, ensure};
use ringfence::fdt::{self, MAX_BOOT_SIZE};
use ringfence::span::Span;
use std::fs;
use std::time::Duration;

const JUMP_AT: u64 = 0x4700_0000;
const BUNDLE_AT: u64 = 0x4800_0000;
/// End of the board's RAM: 1 GiB from 0x40000000.
const RAM_END: u64 = 0x8000_0000;
/// Memory that the stage takes from its base on.
const STAGE_LEN: u64 = 10 << 20;

/// Where the device tree is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tree {
    /// At this address.
    At(u64),
    /// As far up as RAM goes.
    AtEnd,
    /// At the start of the second flash, which cannot be written.
    InFlash,
}

const FLASH_AT: u64 = 0x400_0000;
/// What QEMU wants a flash to be filled to, in bytes.
const FLASH_LEN: usize = 64 << 20;

/// One placement.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The name of its test.
    pub(super) name: &'static str,
    stage: u64,
    tree: Tree,
    /// Bytes that the tree's header states; 0 leaves it as compact as it is.
    padded: usize,
    garbage: bool,
    /// With RAM above 2 TiB.
    far: Far,
    /// Words of the refusal, when that is what must come.
    refusal: Option<&'static str>,
}

/// Whether the tree has RAM above 2 TiB.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Far {
    No,
    /// It does, and so does the board.
    Yes,
    /// It does, and the processor's addresses have 40 bits.
    BeyondProcessor,
}

const USUAL: Place = Place {
    name: "placement-usual",
    stage: 0x4020_0000,
    tree: Tree::At(0x4720_0000),
    padded: 0,
    garbage: false,
    far: Far::No,
    refusal: None,
};

/// An address that takes 42 bits.
const FAR: u64 = 0x200_0000_0000;
const FAR_RAM: Ram = Ram(2 << 40);

/// Returns all of them.
pub(super) fn cases() -> Vec<Case> {
    places().into_iter().map(|place| Case::new(place.name, move |bed, name| boot(bed, name, place))).collect()
}

/// Returns those from which a kernel is entered.
pub(super) fn entered() -> impl Iterator<Item = Place> {
    places().into_iter().filter(|place| place.refusal.is_none())
}

fn places() -> Vec<Place> {
    vec![
        Place { name: "placement-stage-high", stage: 0x7000_0000, ..USUAL },
        Place { name: "placement-stage-at-4-kib", stage: 0x4421_3000, ..USUAL },
        Place { name: "placement-garbage-in-ram", garbage: true, ..USUAL },
        Place { name: "placement-garbage-at-4-kib", stage: 0x4421_3000, garbage: true, ..USUAL },
        Place { name: "placement-dtb-off-page", tree: Tree::At(0x4720_0ff8), ..USUAL },
        Place { name: "placement-dtb-at-end-of-ram", tree: Tree::AtEnd, ..USUAL },
        Place { name: "placement-dtb-in-flash", tree: Tree::InFlash, ..USUAL },
        Place { name: "placement-stage-above-32-gib", stage: 0x8_8020_0000, far: Far::Yes, ..USUAL },
        Place { name: "placement-stage-across-1-gib", stage: 0x7fe0_0000, far: Far::Yes, ..USUAL },
        Place {
            name: "placement-above-40-bits",
            stage: FAR + 0x20_0000,
            tree: Tree::At(FAR + 0x720_0000),
            far: Far::Yes,
            ..USUAL
        },
        Place {
            name: "placement-ram-beyond-40-bits-of-the-processor",
            far: Far::BeyondProcessor,
            refusal: Some("address bits of this CPU"),
            ..USUAL
        },
        Place { name: "placement-dtb-of-1-mib", padded: 1 << 20, ..USUAL },
        Place { name: "placement-dtb-of-2-mib", padded: MAX_BOOT_SIZE, ..USUAL },
        Place {
            name: "placement-dtb-over-2-mib",
            padded: MAX_BOOT_SIZE + 8,
            refusal: Some("larger than 2 MiB"),
            ..USUAL
        },
        Place {
            name: "placement-dtb-in-bss",
            tree: Tree::At(0x4020_0000 + (3 << 20)),
            refusal: Some("inside the memory of the stage"),
            ..USUAL
        },
        Place {
            name: "placement-dtb-into-stage",
            stage: 0x4740_0000,
            tree: Tree::At(0x4740_0000 - 0x8000),
            padded: 1 << 20,
            refusal: Some("reaches into the memory of the stage"),
            ..USUAL
        },
        Place {
            name: "placement-dtb-off-by-4",
            tree: Tree::At(0x4720_0004),
            refusal: Some("multiple of 8"),
            ..USUAL
        },
    ]
}

fn boot(bed: &TestBed, name: &str, place: Place) -> Result<String> {
    let board = board(bed, name, place)?;
    let transcript = bed.boot(name, &board, Duration::from_secs(30))?;
    if let Some(words) = place.refusal {
        let halt = refused(&transcript)?;
        ensure!(halt.contains(words), "refused for another reason: {halt}");
        return Ok(format!("refused: {halt}"));
    }
    passed(&transcript)
}

/// Returns how the payload was entered, or fails where it was not, or not as Linux wants to be.
pub(super) fn passed(transcript: &Transcript) -> Result<String> {
    let said: Vec<&str> = transcript.lines.iter().filter_map(|line| line.strip_prefix("payload: ")).collect();
    ensure!(said.last() == Some(&"PASS"), "{said:?}; the end was:\n{}", transcript.tail(8));
    ensure!(transcript.ending == Ending::PoweredOff, "the board {}", transcript.ending);
    Ok(said.first().copied().unwrap_or_default().to_owned())
}

/// Returns the board with everything loaded, the stage first.
pub(super) fn board(bed: &TestBed, name: &str, place: Place) -> Result<Board> {
    let ws = &bed.ws;
    let bundle = pack(bed, name)?;
    let slot = Span::new(BUNDLE_AT, fs::metadata(&bundle)?.len());
    let slot = slot.context("the bundle is empty")?;
    let whole = bed.tree(&virt::ONE_GIB, Level::El2)?;
    let dtb = tree::with_slot(&whole, &ws.scratch_file("placement", name, "dtb")?, slot)?;
    let mut bytes = fs::read(&dtb)?;
    if place.far != Far::No {
        bytes = with_far_ram(&bytes)?;
        tree::keep(&dtb, &bytes)?;
    }
    if place.padded > 0 {
        if place.refusal.is_none() {
            bytes.resize(place.padded, 0xa5);
        }
        overwrite(&mut bytes, 4, &u32::try_from(place.padded)?.to_be_bytes())?;
        tree::keep(&dtb, &bytes)?;
    }
    let at = match place.tree {
        Tree::At(at) => at,
        Tree::AtEnd => (RAM_END - bytes.len() as u64) & !7,
        Tree::InFlash => FLASH_AT,
    };
    let jump = tree::keep(&ws.scratch_file("placement", name, "jump")?, &jump_to(place.stage, at))?;
    let stage = bed.talkative()?;
    let stage_file = fs::metadata(&stage)?.len();
    let mut loaded = vec![
        Loaded { file: stage, at: place.stage },
        Loaded { file: jump, at: JUMP_AT },
        Loaded { file: bundle, at: BUNDLE_AT },
    ];
    let mut more = Vec::new();
    match place.far {
        Far::No => {}
        Far::Yes => {
            // More than the host has: only what is touched is taken.
            let ram = format!("memory-backend-ram,id=ram,size={FAR_RAM},reserve=off");
            more =
                ["-cpu", "max", "-machine", "memory-backend=ram", "-object", &ram].map(String::from).to_vec();
        }
        Far::BeyondProcessor => more = ["-cpu", "cortex-a53"].map(String::from).to_vec(),
    }
    if place.tree == Tree::InFlash {
        bytes.resize(FLASH_LEN, 0xff);
        let flash = tree::keep(&ws.scratch_file("placement", name, "flash")?, &bytes)?;
        let flash = flash.display().to_string().replace(',', ",,");
        more = vec!["-drive".into(), format!("if=pflash,unit=1,format=raw,readonly=on,file={flash}")];
    } else {
        loaded.push(Loaded { file: dtb, at });
    }
    if place.garbage {
        let behind = stage_file.next_multiple_of(8);
        let garbage =
            tree::keep(&ws.scratch_file("placement", name, "garbage")?, &garbage(STAGE_LEN - behind))?;
        loaded.push(Loaded { file: garbage, at: place.stage + behind });
    }
    Ok(Board {
        machine: &virt::MACHINE,
        level: Level::El2,
        ram: if place.far == Far::Yes { FAR_RAM } else { Ram::GIB },
        entry: Entry::Raw { loaded, start: JUMP_AT },
        plugin: None,
        emulator: None,
        more,
    })
}

/// Returns the tree of the same board with another bank far up. One bank over the gap would cover its PCI
/// registers.
fn with_far_ram(dtb: &[u8]) -> Result<Vec<u8>> {
    let tree = fdt::Tree::parse(dtb).map_err(|error| anyhow!("{error}"))?;
    let memory = tree.find("/memory@40000000").context("no /memory")?.id();
    let mut edits = fdt::Edits::new();
    let banks = [0x4000_0000, Ram::GIB.0, FAR, Ram::GIB.0];
    edits.set(memory, "reg", banks.map(u64::to_be_bytes).concat());
    fdt::rewrite(&tree, &edits).map_err(|error| anyhow!("{error}"))
}

/// Returns the bytes in which every bit is set somewhere and no two words in a row are alike (xorshift).
fn garbage(len: u64) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut words = Vec::new();
    while (words.len() as u64) < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        words.extend(state.to_le_bytes());
    }
    words.truncate(usize::try_from(len).unwrap_or(0));
    words
}
