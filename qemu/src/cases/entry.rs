//! What loaders on real silicon leave: MMU and caches on, a pending SError, a bus that answers with one while
//! the stage runs, a device that writes to memory meanwhile. QEMU has no SError of its own, so a hypervisor
//! sends virtual ones to the stage at EL1.

use super::bad_input::{overwrite, pack};
use super::{Case, refused};
use crate::assertions;
use crate::boards::{tree, virt};
use crate::machine::{Board, Entry, Level, Loaded, Ram};
use crate::test_bed::TestBed;
use anyhow::{Context, Result, ensure};
use ringfence::span::Span;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

const STAGE_AT: u64 = 0x4020_0000;
const SHIM_AT: u64 = 0x4700_0000;
const DTB_AT: u64 = 0x4720_0000;
const BUNDLE_AT: u64 = 0x4800_0000;
/// Where the shim has what it is told: see `boot/payload/shim.S`.
const PARAMETERS: usize = 8;
/// No SError comes.
const NEVER: u64 = u64::MAX;
/// Bits of SCTLR_EL1.
const MMU: u64 = 1;
const DATA_CACHE: u64 = 1 << 2;
const INSTRUCTION_CACHE: u64 = 1 << 12;

/// Returns the boots.
pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("entry-with-caches-on", |bed, name| {
            let board = with_caches_on(bed, name, bed.talkative()?)?;
            reports(bed, name, &board, "entered with the MMU or the data cache on")
        }),
        Case::new("entry-with-serror-pending", |bed, name| {
            reports(
                bed,
                name,
                &board(bed, name, State { map: 0, ..State::default() }, bed.talkative()?)?,
                "an SError was pending at entry (ESR 0xbe000000: SError)",
            )
        }),
        Case::new("entry-serror-in-third-map", |bed, name| halts(bed, name, 3, "reading the device tree")),
        Case::new("entry-serror-in-final-map", |bed, name| halts(bed, name, 5, "opening the console")),
        // The fourth map follows the first look at the tree, the fifth is the final one.
        Case::new("entry-tree-is-overwritten", |bed, name| {
            let state = State { map: 4, spoils: Some(Part::Tree), ..State::default() };
            let board = board(bed, name, state, bed.talkative()?)?;
            reports(bed, name, &board, "hand-off: kernel")
        }),
        Case::new("entry-kernel-is-overwritten", |bed, name| {
            let state = State { map: 5, spoils: Some(Part::Kernel), ..State::default() };
            let board = board(bed, name, state, bed.talkative()?)?;
            let transcript = bed.boot(name, &board, Duration::from_secs(30))?;
            let halt = refused(&transcript)?;
            ensure!(halt.contains("kernel") && halt.contains("sha256"), "refused for another reason: {halt}");
            Ok(halt.to_owned())
        }),
    ]
}

/// What the stage meets.
struct State {
    /// The map, counted from 1, with which something comes: an SError, unless memory is overwritten.
    map: u64,
    /// What is on in SCTLR_EL1 at entry.
    control: u64,
    /// What is overwritten.
    spoils: Option<Part>,
}

impl Default for State {
    fn default() -> Self {
        Self { map: NEVER, control: 0, spoils: None }
    }
}

/// What the loader has put into memory.
enum Part {
    /// All of the device tree.
    Tree,
    /// Some bytes in the middle of the kernel in the bundle.
    Kernel,
}

/// The stage reports it and goes on, and a kernel is entered as it wants to be.
fn reports(bed: &TestBed, name: &str, board: &Board, words: &str) -> Result<String> {
    let transcript = bed.boot(name, board, Duration::from_secs(30))?;
    let reported = transcript.stage().find(|line| line.starts_with(words));
    let reported = reported.with_context(|| format!("not reported:\n{}", transcript.tail(8)))?;
    assertions::payload_entered(&transcript)?;
    Ok(reported.to_owned())
}

/// The SError comes when this map, counted from 1, is turned on.
fn halts(bed: &TestBed, name: &str, map: u64, last: &str) -> Result<String> {
    let board = board(bed, name, State { map, ..State::default() }, bed.talkative()?)?;
    let transcript = bed.boot(name, &board, Duration::from_secs(30))?;
    let halt = refused(&transcript)?;
    ensure!(
        halt.starts_with(&format!("HALT SError after {last} at 0x")),
        "refused for another reason: {halt}"
    );
    Ok(halt.to_owned())
}

/// Returns a board that enters this stage with MMU and caches on.
pub(super) fn with_caches_on(bed: &TestBed, name: &str, stage: PathBuf) -> Result<Board> {
    let control = MMU | DATA_CACHE | INSTRUCTION_CACHE;
    board(bed, name, State { control, ..State::default() }, stage)
}

fn board(bed: &TestBed, name: &str, state: State, stage: PathBuf) -> Result<Board> {
    let ws = &bed.ws;
    let bundle = pack(bed, name)?;
    let slot = Span::new(BUNDLE_AT, fs::metadata(&bundle)?.len()).context("the bundle is empty")?;
    let whole = bed.tree(&virt::ONE_GIB, Level::El2)?;
    let dtb = tree::with_slot(&whole, &ws.scratch_file("entry", name, "dtb")?, slot)?;
    let mut shim = fs::read(bed.entry_shim()?)?;
    let spoiled = match state.spoils {
        None => None,
        Some(Part::Tree) => Span::new(DTB_AT, fs::metadata(&dtb)?.len()),
        Some(Part::Kernel) => {
            let (bytes, payload) = (fs::read(&bundle)?, fs::read(&bed.payload()?.image)?);
            let at = bytes.windows(payload.len()).position(|window| window == payload);
            let at = at.context("the bundle does not contain the payload unpacked")?;
            Span::new(BUNDLE_AT + ((at + payload.len() / 2) as u64).next_multiple_of(8), 16)
        }
    };
    let [spoiled, end] = spoiled.map_or([0; 2], |span| [span.base(), span.end()]);
    let parameters: Vec<u8> = [STAGE_AT, DTB_AT, state.map, state.control, spoiled, end]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    overwrite(&mut shim, PARAMETERS, &parameters)?;
    let shim = tree::keep(&ws.scratch_file("entry", name, "shim")?, &shim)?;
    let files = [(stage, STAGE_AT), (shim, SHIM_AT), (dtb, DTB_AT), (bundle, BUNDLE_AT)];
    Ok(Board {
        machine: &virt::MACHINE,
        level: Level::El2,
        ram: Ram::GIB,
        entry: Entry::Raw { loaded: files.map(|(file, at)| Loaded { file, at }).into(), start: SHIM_AT },
        emulator: None,
        plugin: None,
        more: virt::ONE_GIB.arguments(),
    })
}
