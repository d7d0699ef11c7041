//! What no loader should hand over: each must end in one line that says what is wrong, and in the board's end.

use super::{Case, refused};
use crate::chain::{BoardConfig, tree};
use crate::dtc;
use crate::job::{self, Parts};
use crate::machine::{Board, Entry, Level, Loaded, Machine, Ram};
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

/// All of them, with the word that must be in the line.
pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("bad-no-dtb", |bench, name| {
            let board = raw(bench, name, 0, None)?;
            halted(bench.boot(name, &board, LIMIT)?, &["device tree"])
        }),
        Case::new("bad-truncated-dtb", |bench, name| {
            let whole = dtb(bench)?;
            let tree = fs::read(&whole)?;
            let cut = bench.ws.scratch("bad")?.join("truncated.dtb");
            fs::write(&cut, &tree[..tree.len() / 2])?;
            let board = raw(bench, name, DTB_AT, Some(cut))?;
            halted(bench.boot(name, &board, LIMIT)?, &["device tree"])
        }),
        Case::new("bad-entered-at-el3", |bench, name| at_el3(bench, name, Level::El2)),
        Case::new("bad-entered-at-el3-without-el2", |bench, name| at_el3(bench, name, Level::El1)),
        Case::new("bad-no-payload", |bench, name| {
            let board = job::board(bench.stage.image.clone(), None, Some(dtb(bench)?), job::APPEND);
            halted(bench.boot(name, &board, LIMIT)?, &["payload", "bundle", "kernel"])
        }),
        Case::new("bad-payload-is-no-kernel", |bench, name| {
            let text = bench.ws.scratch("bad")?.join("no-kernel.txt");
            fs::write(&text, "this is no kernel\n".repeat(64))?;
            let bundle = mkimage(bench, "no-kernel", &text)?;
            halted(bench.boot(name, &board(bench, bundle)?, LIMIT)?, &["kernel"])
        }),
        Case::new("bad-payload-is-zstd", |bench, name| {
            let packed = bench.ws.scratch("bad")?.join("kernel.zst");
            fs::write(&packed, [0x28, 0xb5, 0x2f, 0xfd].repeat(64))?;
            let bundle = mkimage(bench, "zstd", &packed)?;
            halted(bench.boot(name, &board(bench, bundle)?, LIMIT)?, &["packed"])
        }),
        Case::new("bad-hash", |bench, name| {
            let bundle = pack(bench, name)?;
            let mut bytes = fs::read(&bundle)?;
            let payload = fs::read(&bench.payload.image)?;
            let at = bytes.windows(payload.len()).position(|window| window == payload);
            let at = at.context("the bundle does not hold the payload as it is")?;
            bytes[at + payload.len() / 2] ^= 1;
            fs::write(&bundle, bytes)?;
            halted(bench.boot(name, &board(bench, bundle)?, LIMIT)?, &["hash", "sha256"])
        }),
        Case::new("bad-bundle-larger-than-ram", |bench, name| {
            let bundle = pack(bench, name)?;
            let mut bytes = fs::read(&bundle)?;
            // The size that the header claims: beyond the end of this board's RAM.
            bytes[4..8].copy_from_slice(&0x7000_0000u32.to_be_bytes());
            fs::write(&bundle, bytes)?;
            let mut board = board(bench, bundle)?;
            board.ram = Ram::GIB;
            halted(bench.boot(name, &board, LIMIT)?, &["bundle", "initrd", "payload"])
        }),
        Case::new("bad-kernel-larger-than-ram", |bench, name| {
            let huge = bench.ws.scratch("bad")?.join("huge.img");
            let mut image = fs::read(&bench.payload.image)?;
            image[16..24].copy_from_slice(&(1u64 << 40).to_le_bytes());
            fs::write(&huge, image)?;
            let bundle = mkimage(bench, "huge", &huge)?;
            halted(bench.boot(name, &board(bench, bundle)?, LIMIT)?, &["kernel"])
        }),
    ]
}

/// Fails unless the stage refused with one of these words in its last line.
fn halted(transcript: Transcript, words: &[&str]) -> Result<String> {
    let halt = refused(&transcript)?;
    let lower = halt.to_lowercase();
    ensure!(words.iter().any(|word| lower.contains(word)), "the HALT says nothing of {words:?}: {halt}");
    Ok(halt.to_owned())
}

fn dtb(bench: &TestBed) -> Result<PathBuf> {
    dtc::compile(&bench.ws, &job::default_tree(&bench.ws, Ram::GIB))
}

fn board(bench: &TestBed, bundle: PathBuf) -> Result<Board> {
    let mut board = job::board(bench.stage.image.clone(), Some(bundle), Some(dtb(bench)?), job::APPEND);
    board.ram = Ram::GIB;
    Ok(board)
}

pub(super) fn pack(bench: &TestBed, name: &str) -> Result<PathBuf> {
    bench.tool.pack(&bench.ws, name, &Parts { kernel: bench.payload.image.clone(), ..Parts::default() })
}

/// Packs what our own packer would refuse, with U-Boot's.
fn mkimage(bench: &TestBed, name: &str, kernel: &Path) -> Result<PathBuf> {
    let dir = bench.ws.scratch("bad")?;
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

/// A board that starts the stage with an address of our choice in x0, as no proper loader would.
fn raw(bench: &TestBed, name: &str, x0: u64, tree: Option<PathBuf>) -> Result<Board> {
    let jump = bench.ws.scratch_file("bad", name, "bin")?;
    fs::write(&jump, jump_to(STAGE_AT, x0))?;
    let mut loaded = vec![
        Loaded { file: bench.talkative.image.clone(), at: STAGE_AT },
        Loaded { file: jump, at: JUMP_AT },
    ];
    loaded.extend(tree.map(|file| Loaded { file, at: DTB_AT }));
    Ok(Board {
        machine: Machine::Virt,
        level: Level::El2,
        ram: Ram::GIB,
        entry: Entry::Raw { loaded, start: JUMP_AT },
        plugin: None,
        more: Vec::new(),
    })
}

/// A board with nobody at EL3 but the stage: one line, and nobody to switch the board off.
fn at_el3(bench: &TestBed, name: &str, below: Level) -> Result<String> {
    let mut board = raw(bench, name, DTB_AT, Some(tree::base(&bench.ws, BoardConfig::Virt, Level::El2)?))?;
    board.level = below;
    board.more = ["-machine", "secure=on"].map(String::from).to_vec();
    let transcript = bench.boot(name, &board, LIMIT)?;
    let halt = transcript.stage().find(|line| line.starts_with("HALT "));
    let halt = halt.with_context(|| format!("no HALT:\n{}", transcript.tail(8)))?;
    ensure!(halt.contains("entered at EL3"), "refused for another reason: {halt}");
    ensure!(transcript.ending == Ending::GaveUp, "the board {}", transcript.ending);
    Ok(halt.to_owned())
}

/// AArch64 code that loads x0 and jumps: `ldr x0, x0_value; ldr x16, target; br x16`, then both values.
pub(super) fn jump_to(target: u64, x0: u64) -> Vec<u8> {
    let code = [0x5800_0080u32, 0x5800_00b0, 0xd61f_0200, 0xd503_201f];
    let words = code.iter().flat_map(|word| word.to_le_bytes());
    words.chain(x0.to_le_bytes()).chain(target.to_le_bytes()).collect()
}
