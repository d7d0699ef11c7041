//! The stage without one instruction of maintenance, each in its turn: the model of the cache must notice, or
//! the list below tells why there is nothing to notice.

use crate::boards::{tree, virt};
use crate::cache::{FUNCTIONS, LINE, Model, Subject};
use crate::cases::{Case, jump_to, sentinel};
use crate::dtc;
use crate::job::{self, Parts};
use crate::machine::{Board, Entry, Level, Loaded};
use crate::profile::Symbols;
use crate::stage::Built;
use crate::test_bed::TestBed;
use anyhow::{Context, Result, anyhow, ensure};
use flate2::{Compression, write::GzEncoder};
use ringfence::payload::appended;
use ringfence::span::Span;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

/// Functions, what of theirs can be left out alone, and why.
const SPARE: [(&str, &str, &str); 13] = [
    ("at_el2", "dsb nsh", "orders accesses before HCR_EL2 is written (AmpereOne erratum AC04_CPU_23)"),
    ("enable_map", "ic iallu", "the code of the stage does not change"),
    ("enable_map", "dsb sy", "the tables are waited for after translations are dropped, too"),
    ("unmask_serrors", "dsb sy", "waits for SErrors"),
    ("probe_byte", "dsb sy", "waits for SErrors"),
    ("probe_access", "dsb sy", "waits for SErrors"),
    ("clean_out", "clean", "no boot here has a carveout that shares a page with what was read"),
    ("clean", "dsb sy", "one of those up to the jump is enough"),
    ("hand_off", "dsb sy", "one of those up to the jump is enough"),
    ("leave", "dsb sy", "one of those up to the jump is enough"),
    ("leave", "dsb nsh", "orders accesses before HCR_EL2 is written (AmpereOne erratum AC04_CPU_23)"),
    ("leave", "tlbi vmalle1", "Linux drops translations before it turns the MMU on"),
    ("leave", "tlbi alle2", "Linux drops translations before it turns the MMU on"),
];

/// Those of them of which one has to stay.
const ONE_OF: [&str; 3] = ["clean", "hand_off", "leave"];

const NOP: u32 = 0xd503_201f;
const RET: u32 = 0xd65f_03c0;

/// Returns the proofs: of single instructions, and of the calls.
pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("cache-without-an-instruction", |bed, name| {
            let proof = Proof::new(bed, name, &bed.full()?, &WAYS)?;
            let mut removals = proof.removals(|_, word| Some((maintenance(word)?, NOP)))?;
            removals.retain(|one| !one.ways.is_empty());
            let mut seen = proof.each(&removals)?;
            removals.retain(|one| ONE_OF.iter().any(|function| one.is_in(function)) && one.what == "dsb sy");
            let together: Vec<(u64, u32)> = removals.iter().map(|one| (one.offset, NOP)).collect();
            ensure!(proof.is_noticed(&together, &WAYS)?, "no DSB up to the jump, and nothing is noticed");
            seen.push_str("; all of the last ones together are noticed");
            Ok(seen)
        }),
        // What is newer in the cache is to be written back, not dropped.
        Case::new("cache-with-lines-dropped", |bed, name| {
            let proof = Proof::new(bed, name, &bed.full()?, &WAYS)?;
            let mut removals = proof.removals(|_, word| Some((maintenance(word)?, dropping(word)?)))?;
            removals.retain(|one| !one.ways.is_empty());
            proof.each(&removals)
        }),
        Case::new("cache-without-a-call", |bed, name| {
            let proof = Proof::new(bed, name, &bed.full()?, &WAYS)?;
            proof.each(&proof.calls()?)
        }),
        Case::new("cache-without-a-call-of-the-sentinel", |bed, name| {
            let proof = Proof::new(bed, name, &bed.with_sentinel()?, &[Way::Sentinel])?;
            let mut calls = proof.calls()?;
            calls.retain(|one| !one.ways.is_empty());
            proof.each(&calls)
        }),
    ]
}

/// The ways that together execute all maintenance of the stage but the sentinel's.
const WAYS: [Way; 4] = [Way::El2, Way::El1, Way::Odd, Way::Packed];

/// One way to boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    El2,
    El1,
    /// Off the 2 MiB grid, where the first map is made of pages.
    Odd,
    /// With a kernel that must be unpacked.
    Packed,
    /// With the sentinel, which is entered in the kernel's place.
    Sentinel,
}

/// Something that is left out of the stage.
struct Removal {
    /// Where it is, from the stage's first byte.
    offset: u64,
    /// What is there instead.
    instead: u32,
    /// What it is.
    what: &'static str,
    /// The symbol before it.
    function: String,
    /// The ways that execute it.
    ways: Vec<Way>,
}

impl Removal {
    fn is_in(&self, function: &str) -> bool {
        self.function.rsplit("::").next() == Some(function)
    }

    fn spare(&self) -> bool {
        SPARE.iter().any(|(function, what, _)| self.is_in(function) && *what == self.what)
    }

    fn describe(&self) -> String {
        format!("{} in {} at {:#x}", self.what, self.function, self.offset)
    }
}

/// The stage, and what it boots.
struct Proof<'b> {
    bed: &'b TestBed,
    name: &'b str,
    model: Model,
    stage: Vec<u8>,
    symbols: Symbols,
    bundle: PathBuf,
    ways: &'static [Way],
}

impl<'b> Proof<'b> {
    fn new(bed: &'b TestBed, name: &'b str, built: &Built, ways: &'static [Way]) -> Result<Self> {
        let ws = &bed.ws;
        let policy = ws.scratch_file("cache", name, "toml")?;
        let required = fs::read_to_string(ws.proving_ground().join("boards/virt-1g.toml"))?;
        // Kept where Linux shows it, and thus cleaned.
        fs::write(&policy, required + "\n[log]\nsize = \"128 KiB\"\n")?;
        let (kernel, initrd) = (bed.payload()?.image, Some(bed.initrd()?));
        let parts = Parts { kernel, initrd, policy: Some(policy), ..Parts::default() };
        Ok(Self {
            bed,
            name,
            model: bed.model()?,
            stage: fs::read(&built.image)?,
            symbols: Symbols::of(&fs::read(&built.elf)?)?,
            bundle: bed.tool()?.pack(ws, name, &parts)?,
            ways,
        })
    }

    /// Returns every call of the functions of maintenance in the code.
    fn calls(&self) -> Result<Vec<Removal>> {
        let all = FUNCTIONS.map(|name| (self.symbols.address(name), name));
        self.removals(|offset, word| {
            let (to, is_call) = branch(offset, word)?;
            let (_, name) = all.iter().find(|(address, _)| *address == Some(to))?;
            // A tail call returns in place of the function.
            Some((*name, if is_call { NOP } else { RET }))
        })
    }

    /// Returns what `wanted` names of the code, with what to put there instead, and the ways that execute it.
    /// It is given the offset and the instruction.
    fn removals(&self, wanted: impl Fn(u64, u32) -> Option<(&'static str, u32)>) -> Result<Vec<Removal>> {
        let mut executed = Vec::new();
        for &way in self.ways {
            let (sites, wrong) = self.boot(&self.stage, way)?;
            ensure!(wrong.is_empty(), "the stage as it is, {way:?}: {wrong:#?}");
            executed.push((way, sites));
        }
        let end = self.symbols.address("__text_end").context("no __text_end")?;
        let found = (0..end).step_by(4).filter_map(|offset| {
            let (what, instead) = wanted(offset, self.word(offset)?)?;
            let function = self.symbols.at(offset).map_or("?", |(name, _)| name).to_owned();
            let ways = executed.iter().filter(|(_, sites)| sites.contains(&offset));
            let ways = ways.map(|(way, _)| *way).collect();
            Some(Removal { offset, instead, what, function, ways })
        });
        Ok(found.collect())
    }

    /// Leaves out each in its turn.
    fn each(&self, removals: &[Removal]) -> Result<String> {
        let mut failed = Vec::new();
        for one in removals {
            match (self.is_noticed(&[(one.offset, one.instead)], &one.ways)?, one.spare()) {
                (false, false) => failed.push(format!("{} can be left out unnoticed", one.describe())),
                (true, true) => failed.push(format!("{} is listed as spare, and is not", one.describe())),
                (true, false) | (false, true) => {}
            }
        }
        ensure!(failed.is_empty(), "{failed:#?}");
        let spare = removals.iter().filter(|one| one.spare()).count();
        Ok(format!("{} left out in turn, all noticed but {spare} that are spare", removals.len()))
    }

    /// Tells whether the model finds anything wrong with the stage changed like this, booted in one of these
    /// ways.
    fn is_noticed(&self, changes: &[(u64, u32)], ways: &[Way]) -> Result<bool> {
        let mut stage = self.stage.clone();
        for (offset, word) in changes {
            let place = usize::try_from(*offset)?;
            let place = stage.get_mut(place..place + 4).context("outside of the image")?;
            place.copy_from_slice(&word.to_le_bytes());
        }
        for way in ways {
            if !self.boot(&stage, *way)?.1.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the instructions of maintenance that were executed, and what went wrong.
    fn boot(&self, stage: &[u8], way: Way) -> Result<(Vec<u64>, Vec<String>)> {
        let (board, kernel) = (self.board(stage, way)?, self.bed.payload()?.image);
        let subject = Subject { board, kernel, line: LINE };
        let (seen, wrong) = self.model.lint(&self.bed.ws, self.name, &subject, &self.symbols)?;
        Ok((seen.sites, wrong))
    }

    fn board(&self, stage: &[u8], way: Way) -> Result<Board> {
        let (bed, ws) = (self.bed, &self.bed.ws);
        let file = |extension: &str| ws.scratch_file("cache", self.name, extension);
        let dtb = dtc::compile(ws, &ws.proving_ground().join("boards/virt-1g.dts"))?;
        let mut image = stage.to_vec();
        let mut slot = self.bundle.clone();
        if way == Way::Packed {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(&fs::read(bed.payload()?.image)?)?;
            image = appended::append(stage, &gzip.finish()?).map_err(|why| anyhow!("{why}"))?;
            slot = bed.initrd()?;
        }
        let image = tree::keep(&file("img")?, &image)?;
        if way == Way::Sentinel {
            let mut board = sentinel::subject(bed, self.name)?.board;
            if let Entry::Linux { kernel, .. } = &mut board.entry {
                *kernel = image;
            }
            return Ok(board);
        }
        let mut board = job::board(image.clone(), Some(slot), Some(dtb.clone()), virt::APPEND);
        board.level = if way == Way::El1 { Level::El1 } else { Level::El2 };
        if way == Way::Odd {
            let bundle = Span::new(BUNDLE_AT, fs::metadata(&self.bundle)?.len());
            let dtb = tree::with_slot(&dtb, &file("odd.dtb")?, bundle.context("the bundle is empty")?)?;
            let jump = tree::keep(&file("jump")?, &jump_to(ODD_AT, DTB_AT))?;
            let files = [(image, ODD_AT), (dtb, DTB_AT), (self.bundle.clone(), BUNDLE_AT), (jump, JUMP_AT)];
            let loaded = files.into_iter().map(|(file, at)| Loaded { file, at }).collect();
            board.entry = Entry::Raw { loaded, start: JUMP_AT };
        }
        Ok(board)
    }

    fn word(&self, offset: u64) -> Option<u32> {
        let bytes = self.stage.get(usize::try_from(offset).ok()?..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    }
}

const ODD_AT: u64 = 0x4421_3000;
const JUMP_AT: u64 = 0x4700_0000;
const DTB_AT: u64 = 0x4720_0000;
const BUNDLE_AT: u64 = 0x4800_0000;

/// Names an instruction of maintenance (DDI 0487, C6.2); `None` for any other.
const fn maintenance(word: u32) -> Option<&'static str> {
    match word {
        0xd503_3f9f => return Some("dsb sy"),
        0xd503_3b9f => return Some("dsb ish"),
        0xd503_379f => return Some("dsb nsh"),
        0xd508_751f => return Some("ic iallu"),
        0xd508_711f => return Some("ic ialluis"),
        0xd508_871f => return Some("tlbi vmalle1"),
        0xd50c_871f => return Some("tlbi alle2"),
        _ => {}
    }
    match word & !31 {
        0xd508_7620 => Some("dc ivac"),
        0xd50b_7a20 => Some("dc cvac"),
        0xd50b_7e20 => Some("dc civac"),
        _ => None,
    }
}

/// Returns the instruction that drops a line, in place of one that cleans and drops it.
pub(super) const fn dropping(word: u32) -> Option<u32> {
    const CIVAC: u32 = 0xd50b_7e20;
    const IVAC: u32 = 0xd508_7620;
    if word & !31 == CIVAC { Some(IVAC | word & 31) } else { None }
}

/// Returns where `b` and `bl` go, and whether it is the latter.
const fn branch(offset: u64, word: u32) -> Option<(u64, bool)> {
    // Sign-extended by the shift to the right.
    let distance = ((word << 6) as i32 >> 4) as i64;
    match word >> 26 {
        0b10_0101 => Some((offset.wrapping_add_signed(distance), true)),
        0b00_0101 => Some((offset.wrapping_add_signed(distance), false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_lead_forth_and_back() {
        // bl .+8; b .-4; ret
        assert_eq!(branch(0x100, 0x9400_0002), Some((0x108, true)));
        assert_eq!(branch(0x100, 0x17ff_ffff), Some((0xfc, false)));
        assert_eq!(branch(0x100, RET), None);
    }

    #[test]
    fn a_line_is_dropped_by_the_same_register() {
        assert_eq!(dropping(0xd50b_7e23), Some(0xd508_7623));
        assert_eq!(dropping(NOP), None);
    }

    #[test]
    fn maintenance_is_told_from_other_instructions() {
        assert_eq!(maintenance(0xd50b_7e20), Some("dc civac"));
        assert_eq!(maintenance(0xd50b_7e23), Some("dc civac"));
        assert_eq!(maintenance(NOP), None);
    }
}
