//! A loader that passes no device tree, and the one after the appended kernel (`Image.gz-dtb`).

use super::at_stage::{DTB_AT, LIMIT, STAGE_AT, edited, entered, says};
use super::{Case, TestBed, refused};
use crate::assertions;
use crate::boards::tree;
use crate::machine::Board;
use anyhow::{Result, anyhow, ensure};
use flate2::{Compression, write::GzEncoder};
use ringfence::payload::{appended, console_slot};
use std::fs;
use std::io::Write;

/// The console of the image: no tree needs to be found for a refusal to be seen.
const CONSOLE: &str = "pl011,0x9000000";
/// What the stage says when it takes the tree after the kernel.
const TAKEN: &str = "tree: the loader passes none; the one after the kernel is used";

/// What is after the kernel: its name, the bytes made of a tree, and words of the refusal.
type Tail = (&'static str, fn(&[u8]) -> Vec<u8>, &'static str);

/// Returns the boots.
pub(super) fn cases() -> Vec<Case> {
    let refused_tails: [Tail; 5] = [
        (
            "nothing",
            |_| vec![0; 64],
            "x0 is 0; pass one (QEMU: -dtb, U-Boot: third argument of booti); no device",
        ),
        (
            "not-a-tree",
            |_| b"ANDROID!".repeat(9),
            "what follows the gzip stream of the kernel is not a device tree",
        ),
        ("cut-short", |tree| tree.split_at(tree.len() / 2).0.to_vec(), "bytes, of which"),
        ("several", |tree| [tree, tree].concat(), "several trees follow the kernel"),
        (
            "damaged",
            |tree| {
                // The header is whole, and the structure is not.
                let (header, rest) = tree.split_at(64);
                [header, &vec![0xff; rest.len()]].concat()
            },
            "is damaged",
        ),
    ];
    let mut cases = vec![
        Case::new("appended-tree-without-x0", |bed, name| is_used(bed, name, 0)),
        // RAM is zeros there, and there is none at all above it.
        Case::new("appended-tree-and-no-tree-in-x0", |bed, name| is_used(bed, name, DTB_AT)),
        Case::new("appended-tree-and-nothing-in-x0", |bed, name| is_used(bed, name, 0x9000_0000)),
        Case::new("appended-tree-and-a-damaged-one", |bed, name| {
            is_refused_beside(bed, name, |dtb| dtb.split_at(dtb.len() / 2).0.to_vec(), "is damaged")
        }),
        Case::new("appended-tree-and-one-written-over", |bed, name| {
            let written_over = |dtb: &[u8]| [b"0707", dtb.split_at(4).1].concat();
            is_refused_beside(bed, name, written_over, "the magic number d00dfeed is missing")
        }),
    ];
    cases.extend(refused_tails.map(|(what, tail, words)| {
        Case::new(format!("appended-tree-refused-{what}"), move |bed, name| {
            let board = without_tree(bed, name, 0, &tail(&edited(bed, |_, _| {})?))?;
            says(refused(&bed.boot(name, &board, LIMIT)?)?, words)
        })
    }));
    cases
}

/// The tree is enforced like any: its carveouts fault, and the kernel is entered.
fn is_used(bed: &TestBed, name: &str, x0: u64) -> Result<String> {
    let board = without_tree(bed, name, x0, &edited(bed, |_, _| {})?)?;
    let transcript = bed.boot(name, &board, LIMIT)?;
    let has = |start: &str| transcript.stage().any(|line| line.starts_with(start));
    ensure!(has(TAKEN) && has("probe: "), "the tree was not enforced:\n{}", transcript.tail(12));
    assertions::payload_entered(&transcript)?;
    Ok(TAKEN.into())
}

/// What `damage` makes of the loader's tree is refused, and the tree after the kernel is not asked.
fn is_refused_beside(
    bed: &TestBed,
    name: &str,
    damage: impl FnOnce(&[u8]) -> Vec<u8>,
    words: &str,
) -> Result<String> {
    let dtb = edited(bed, |_, _| {})?;
    let damaged = tree::keep(&bed.ws.scratch_file("appended-tree", name, "dtb")?, &damage(&dtb))?;
    let board = entered(bed, name, DTB_AT, vec![image(bed, name, &dtb)?, (damaged, DTB_AT)])?;
    says(refused(&bed.boot(name, &board, LIMIT)?)?, words)
}

fn without_tree(bed: &TestBed, name: &str, x0: u64, tail: &[u8]) -> Result<Board> {
    entered(bed, name, x0, vec![image(bed, name, tail)?])
}

/// Returns the stage with a console, a packed kernel appended and `tail` after that, and where it is loaded.
fn image(bed: &TestBed, name: &str, tail: &[u8]) -> Result<(std::path::PathBuf, u64)> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&fs::read(bed.payload()?.image)?)?;
    let packed = [&gzip.finish()?[..], tail].concat();
    let mut stage = fs::read(bed.full()?.image)?;
    console_slot::set(&mut stage, CONSOLE).map_err(|why| anyhow!("{why}"))?;
    let image = appended::append(&stage, &packed).map_err(|why| anyhow!("{why}"))?;
    Ok((tree::keep(&bed.ws.scratch_file("appended-tree", name, "img")?, &image)?, STAGE_AT))
}
