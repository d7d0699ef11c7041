//! What no loader should hand over: each must end in one line that says what is wrong, and in the board's
//! end.

use super::{Case, refused};
use crate::boards::{tree, virt};
use crate::dtc;
use crate::job::{self, Parts};
use crate::machine::{Board, Entry, Level, Loaded, Ram};
use crate::shell::capture;
use crate::test_bed::TestBed;
use crate::transcript::{Ending, Transcript};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);
/// Where a raw board finds the stage, the jump to it, and the tree.
const STAGE_AT: u64 = 0x4020_0000;
const JUMP_AT: u64 = 0x4700_0000;
const DTB_AT: u64 = 0x4720_0000;

/// Returns one case for each kind of bad input, with the words of which one must be in the HALT line.
pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("bad-no-dtb", |bed, name| {
            let board = raw(bed, name, 0, None)?;
            halted(bed.boot(name, &board, LIMIT)?, &["device tree"])
        }),
        Case::new("bad-truncated-dtb", |bed, name| {
            let whole = dtb(bed)?;
            let tree = fs::read(&whole)?;
            let cut = bed.ws.scratch("bad")?.join("truncated.dtb");
            fs::write(&cut, tree.split_at(tree.len() / 2).0)?;
            let board = raw(bed, name, DTB_AT, Some(cut))?;
            halted(bed.boot(name, &board, LIMIT)?, &["device tree"])
        }),
        Case::new("bad-entered-at-el3", |bed, name| at_el3(bed, name, Level::El2)),
        Case::new("bad-entered-at-el3-without-el2", |bed, name| at_el3(bed, name, Level::El1)),
        Case::new("bad-no-payload", |bed, name| {
            let board = job::board(bed.stage()?.image, None, Some(dtb(bed)?), virt::APPEND);
            halted(bed.boot(name, &board, LIMIT)?, &["payload", "bundle", "kernel"])
        }),
        Case::new("bad-payload-is-no-kernel", |bed, name| {
            let text = bed.ws.scratch("bad")?.join("no-kernel.txt");
            fs::write(&text, "this is not a kernel\n".repeat(64))?;
            let bundle = mkimage(bed, "no-kernel", &text)?;
            halted(bed.boot(name, &board(bed, bundle)?, LIMIT)?, &["kernel"])
        }),
        Case::new("bad-payload-is-zstd", |bed, name| {
            let packed = bed.ws.scratch("bad")?.join("kernel.zst");
            fs::write(&packed, [0x28, 0xb5, 0x2f, 0xfd].repeat(64))?;
            let bundle = mkimage(bed, "zstd", &packed)?;
            halted(bed.boot(name, &board(bed, bundle)?, LIMIT)?, &["packed"])
        }),
        Case::new("bad-hash", |bed, name| {
            let bundle = pack(bed, name)?;
            let mut bytes = fs::read(&bundle)?;
            let payload = fs::read(&bed.payload()?.image)?;
            let at = bytes.windows(payload.len()).position(|window| window == payload);
            let at = at.context("the bundle does not contain the payload unpacked")?;
            let byte = bytes.get_mut(at + payload.len() / 2).context("an empty payload")?;
            *byte ^= 1;
            fs::write(&bundle, bytes)?;
            halted(bed.boot(name, &board(bed, bundle)?, LIMIT)?, &["hash", "sha256"])
        }),
        Case::new("bad-bundle-larger-than-ram", |bed, name| {
            let bundle = pack(bed, name)?;
            let mut bytes = fs::read(&bundle)?;
            // The size that the header claims: beyond the end of this board's RAM.
            overwrite(&mut bytes, 4, &0x7000_0000u32.to_be_bytes())?;
            fs::write(&bundle, bytes)?;
            let mut board = board(bed, bundle)?;
            board.ram = Ram::GIB;
            halted(bed.boot(name, &board, LIMIT)?, &["bundle", "initrd", "payload"])
        }),
        Case::new("bad-kernel-larger-than-ram", |bed, name| {
            let huge = bed.ws.scratch("bad")?.join("huge.img");
            let mut image = fs::read(&bed.payload()?.image)?;
            overwrite(&mut image, 16, &(1u64 << 40).to_le_bytes())?;
            fs::write(&huge, image)?;
            let bundle = mkimage(bed, "huge", &huge)?;
            halted(bed.boot(name, &board(bed, bundle)?, LIMIT)?, &["kernel"])
        }),
    ]
}

/// Replaces the bytes at an offset.
pub(crate) fn overwrite(bytes: &mut [u8], at: usize, new: &[u8]) -> Result<()> {
    bytes.get_mut(at..at + new.len()).context("the file is too short")?.copy_from_slice(new);
    Ok(())
}

/// Fails unless the stage refused with one of these words in its last line.
fn halted(transcript: Transcript, words: &[&str]) -> Result<String> {
    let halt = refused(&transcript)?;
    let lower = halt.to_lowercase();
    ensure!(words.iter().any(|word| lower.contains(word)), "the HALT names none of {words:?}: {halt}");
    Ok(halt.to_owned())
}

fn dtb(bed: &TestBed) -> Result<PathBuf> {
    dtc::compile(&bed.ws, &job::default_tree(&bed.ws, Ram::GIB))
}

fn board(bed: &TestBed, bundle: PathBuf) -> Result<Board> {
    let mut board = job::board(bed.stage()?.image, Some(bundle), Some(dtb(bed)?), virt::APPEND);
    board.ram = Ram::GIB;
    Ok(board)
}

pub(super) fn pack(bed: &TestBed, name: &str) -> Result<PathBuf> {
    bed.tool()?.pack(&bed.ws, name, &Parts { kernel: bed.payload()?.image, ..Parts::default() })
}

/// Packs with U-Boot's packer what `ringfence pack` would refuse.
fn mkimage(bed: &TestBed, name: &str, kernel: &Path) -> Result<PathBuf> {
    let dir = bed.ws.scratch("bad")?;
    let (source, bundle) = (dir.join(format!("{name}.its")), dir.join(format!("{name}.itb")));
    let text = format!(
        "/dts-v1/;\n/ {{ description = \"a bundle\"; images {{ kernel {{ data = /incbin/(\"{}\"); type = \
         \"kernel\"; arch = \"arm64\"; os = \"linux\"; compression = \"none\"; load = <0>; entry = <0>; hash \
         {{ algo = \"sha256\"; }}; }}; }}; configurations {{ default = \"conf\"; conf {{ kernel = \
         \"kernel\"; }}; }}; }};\n",
        kernel.display()
    );
    fs::write(&source, text)?;
    capture(Command::new("mkimage").arg("-f").args([&source, &bundle]))?;
    Ok(bundle)
}

/// Returns a board that starts the stage with a given address in x0, which no proper loader would do.
fn raw(bed: &TestBed, name: &str, x0: u64, tree: Option<PathBuf>) -> Result<Board> {
    let jump = bed.ws.scratch_file("bad", name, "bin")?;
    fs::write(&jump, jump_to(STAGE_AT, x0))?;
    let mut loaded =
        vec![Loaded { file: bed.talkative()?, at: STAGE_AT }, Loaded { file: jump, at: JUMP_AT }];
    loaded.extend(tree.map(|file| Loaded { file, at: DTB_AT }));
    Ok(Board {
        machine: &virt::MACHINE,
        level: Level::El2,
        ram: Ram::GIB,
        entry: Entry::Raw { loaded, start: JUMP_AT },
        plugin: None,
        emulator: None,
        more: Vec::new(),
    })
}

/// Boots a board with nothing at EL3 but the stage: one line, and no firmware that powers it off.
fn at_el3(bed: &TestBed, name: &str, below: Level) -> Result<String> {
    let mut board = raw(bed, name, DTB_AT, Some(tree::base(&bed.ws, &virt::ONE_GIB, Level::El2)?))?;
    board.level = below;
    board.more = ["-machine", "secure=on"].map(String::from).to_vec();
    let transcript = bed.boot(name, &board, LIMIT)?;
    let halt = transcript.stage().find(|line| line.starts_with("HALT "));
    let halt = halt.with_context(|| format!("no HALT:\n{}", transcript.tail(8)))?;
    ensure!(halt.contains("entered at EL3"), "refused for another reason: {halt}");
    ensure!(transcript.ending == Ending::GaveUp, "the board {}", transcript.ending);
    Ok(halt.to_owned())
}

/// AArch64 code that loads x0 and jumps: `ldr x0, x0_value; ldr x16, target; br x16`, then both values.
pub(crate) fn jump_to(target: u64, x0: u64) -> Vec<u8> {
    let code = [0x5800_0080u32, 0x5800_00b0, 0xd61f_0200, 0xd503_201f];
    let words = code.iter().flat_map(|word| word.to_le_bytes());
    words.chain(x0.to_le_bytes()).chain(target.to_le_bytes()).collect()
}
