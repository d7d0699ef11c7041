//! A crash kernel: entered as kexec would, with its memory and the crashed kernel's header in `/chosen`.

use super::bad_input::jump_to;
use super::{Case, TestBed};
use crate::assertions;
use crate::boards::{tree, virt};
use crate::iomem::Iomem;
use crate::job::Parts;
use crate::machine::{Board, Entry, Level, Loaded, Ram};
use crate::setup::Series;
use anyhow::{Context, Result, anyhow, ensure};
use ringfence::fdt::{Edits, Tree, rewrite};
use ringfence::span::{KIB, MIB, Span};
use std::fs;
use std::time::Duration;

/// The memory reserved by the crashed kernel (`crashkernel=256M`), and the places in it.
const OWN: (u64, u64) = (0x6000_0000, 256 * MIB);
const STAGE_AT: u64 = 0x6020_0000;
const DTB_AT: u64 = 0x6100_0000;
const JUMP_AT: u64 = 0x6180_0000;
const BUNDLE_AT: u64 = 0x6200_0000;
const CORE_AT: u64 = 0x6fff_0000;
/// A page of the crashed kernel's memory that the core describes, and one for its notes.
const OLD: (u64, u64) = (0x5000_0000, 4 * KIB);
const NOTES: (u64, u64) = (0x5000_1000, 4 * KIB);

/// Returns the one boot.
pub(super) fn cases() -> Vec<Case> {
    vec![Case::new("crash-kernel-keeps-to-its-range", boot)]
}

fn boot(bed: &TestBed, name: &str) -> Result<String> {
    let ws = &bed.ws;
    let parts = Parts { kernel: Series::V6_12.image(ws), initrd: Some(bed.initrd()?), ..Parts::default() };
    let bundle = bed.pack(&parts)?;
    let slot = Span::new(BUNDLE_AT, fs::metadata(&bundle)?.len()).context("the bundle is empty")?;
    let dtb = fs::read(tree::base(ws, &virt::ONE_GIB, Level::El2)?)?;
    let dtb = tree::keep(&ws.scratch_file("crash", name, "dtb")?, &with_range(&dtb, slot)?)?;
    let core = tree::keep(&ws.scratch_file("crash", name, "core")?, &core())?;
    let notes = tree::keep(&ws.scratch_file("crash", name, "notes")?, &note())?;
    let jump = tree::keep(&ws.scratch_file("crash", name, "jump")?, &jump_to(STAGE_AT, DTB_AT))?;
    let loaded = vec![
        Loaded { file: bed.stage()?.image, at: STAGE_AT },
        Loaded { file: jump, at: JUMP_AT },
        Loaded { file: dtb, at: DTB_AT },
        Loaded { file: bundle, at: BUNDLE_AT },
        Loaded { file: core, at: CORE_AT },
        Loaded { file: notes, at: NOTES.0 },
    ];
    let board = Board {
        machine: &virt::MACHINE,
        level: Level::El2,
        ram: Ram::GIB,
        entry: Entry::Raw { loaded, start: JUMP_AT },
        plugin: None,
        emulator: None,
        more: virt::ONE_GIB.arguments(),
    };
    let transcript = bed.boot(name, &board, Duration::from_secs(120))?;
    assertions::came_up(&transcript)?;
    let own = Span::new(OWN.0, OWN.1).context("no span")?;
    let iomem = Iomem::parse(transcript.section("iomem"))?;
    let ram: Vec<Span> = iomem.ram().collect();
    ensure!(!ram.is_empty() && ram.iter().all(|&span| own.covers(span)), "Linux uses {ram:x?}");
    // Linux reads the header where the crashed kernel left it, and makes a file of the memory that it
    // describes.
    let vmcore = transcript.section("vmcore").join(" ");
    ensure!(vmcore.starts_with("7f454c46"), "no /proc/vmcore: `{vmcore}`");
    let bytes: u64 = ram.iter().map(|span| span.len()).sum();
    Ok(format!("{} MiB of System RAM, all in {own}; /proc/vmcore is an ELF file", bytes >> 20))
}

/// Returns the tree with what kexec adds.
fn with_range(dtb: &[u8], slot: Span) -> Result<Vec<u8>> {
    let tree = Tree::parse(dtb).map_err(|error| anyhow!("{error}"))?;
    let chosen = tree.find("/chosen").context("no /chosen")?.id();
    let pair = |(base, size): (u64, u64)| [base.to_be_bytes(), size.to_be_bytes()].concat();
    let mut edits = Edits::new();
    edits.set(chosen, "linux,initrd-start", slot.base().to_be_bytes().to_vec());
    edits.set(chosen, "linux,initrd-end", slot.end().to_be_bytes().to_vec());
    edits.set(chosen, "bootargs", format!("{}\0", virt::APPEND).into_bytes());
    edits.set(chosen, "linux,usable-memory-range", pair(OWN));
    edits.set(chosen, "linux,elfcorehdr", pair((CORE_AT, 64 * KIB)));
    rewrite(&tree, &edits).map_err(|error| anyhow!("{error}"))
}

/// Returns the ELF header that a dying kernel leaves (kernel/crash_core.c): notes, and one page of memory.
fn core() -> Vec<u8> {
    const HEADER: u64 = 64;
    const PROGRAM: u64 = 56;
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(16, 0);
    let halves = |elf: &mut Vec<u8>, values: &[u16]| elf.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    let word = |elf: &mut Vec<u8>, value: u32| elf.extend(value.to_le_bytes());
    let longs = |elf: &mut Vec<u8>, values: &[u64]| elf.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    // A core file (4) for AArch64 (183).
    halves(&mut elf, &[4, 183]);
    word(&mut elf, 1);
    longs(&mut elf, &[0, HEADER, 0]);
    word(&mut elf, 0);
    halves(&mut elf, &[HEADER as u16, PROGRAM as u16, 2, 0, 0, 0]);
    // PT_NOTE, then PT_LOAD: type, flags, offset (the physical address), virtual, physical, sizes, alignment.
    word(&mut elf, 4);
    word(&mut elf, 0);
    longs(&mut elf, &[NOTES.0, 0, NOTES.0, NOTES.1, NOTES.1, 0]);
    word(&mut elf, 1);
    word(&mut elf, 7);
    longs(&mut elf, &[OLD.0, 0, OLD.0, OLD.1, OLD.1, 0]);
    elf
}

/// Returns one ELF note: lengths of name and content, type, both padded to words. Linux makes no file without
/// any.
fn note() -> Vec<u8> {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    [words(&[5, 4, 1]), b"CORE\0\0\0\0".to_vec(), words(&[0])].concat()
}
