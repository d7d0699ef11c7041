//! Watchdogs that the loader left running. QEMU's `virt` has none: memory that no node has as RAM stands in
//! for their registers, and shows what is read and written, but not that time passes.

use super::at_stage::{DTB_AT, PAYLOAD_AT, STAGE_AT, edited, entered, set_slot};
use super::{Case, TestBed, refused};
use crate::assertions;
use crate::boards::tree;
use crate::job::Parts;
use crate::machine::Board;
use anyhow::{Context, Result, ensure};
use ringfence::fdt::NewNode;
use ringfence::span::{MIB, Span};
use std::fs;
use std::time::Duration;

/// The end of the RAM that the tree states, and the first of the registers.
const REGISTERS_AT: u64 = 0x7fe0_0000;
/// Bytes from one block of registers to the next.
const BLOCK: u64 = 0x1_0000;

/// Returns the boots.
pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("watchdog-ignored", |bed, name| boots(bed, name, "ignore", &[])),
        Case::new("watchdog-reported", |bed, name| {
            boots(
                bed,
                name,
                "report",
                &["sp805@7fe00000 at 0x7fe00000 runs", "dw@7fe10000 at 0x7fe10000 runs"],
            )
        }),
        Case::new("watchdog-petted", |bed, name| {
            let lines = [
                "sp805@7fe00000 at 0x7fe00000 runs and is petted",
                "dw@7fe10000 at 0x7fe10000 runs and is petted",
                "sbsa@7fe20000 at 0x7fe20000 runs and is petted",
            ];
            boots(bed, name, "pet", &lines)
        }),
        Case::new("watchdog-stopped", |bed, name| {
            let lines = [
                "sp805@7fe00000 at 0x7fe00000 ran and is stopped",
                "dw@7fe10000 at 0x7fe10000 runs, cannot be stopped, and is petted",
                "sbsa@7fe20000 at 0x7fe20000 ran and is stopped",
                "idle@7fe40000 at 0x7fe40000 does not run",
            ];
            boots(bed, name, "disable", &lines)
        }),
        Case::new("watchdog-in-ram", |bed, name| {
            let extra = node("over@40000000", "arm,sp805", &[0x4000_0000]);
            let board = board(bed, name, "disable", Some(extra))?;
            let transcript = bed.boot(name, &board, Duration::from_secs(60))?;
            let halt = refused(&transcript)?;
            ensure!(
                halt.starts_with("HALT RF208 error /over@40000000"),
                "refused for another reason: {halt}"
            );
            let left = transcript.stage().find(|line| line.ends_with("which overlaps RAM; not touched"));
            Ok(left.context("not said to be left alone")?.to_owned())
        }),
    ]
}

/// The stage prints these lines about watchdogs, and a kernel is entered.
fn boots(bed: &TestBed, name: &str, on_running: &str, lines: &[&str]) -> Result<String> {
    let transcript = bed.boot(name, &board(bed, name, on_running, None)?, Duration::from_secs(60))?;
    assertions::payload_entered(&transcript)?;
    let said: Vec<&str> = transcript.stage().filter_map(|line| line.strip_prefix("watchdog: ")).collect();
    for line in lines {
        ensure!(said.contains(line), "not printed: {line}; but: {said:#?}");
    }
    ensure!(!lines.is_empty() || said.is_empty(), "printed: {said:#?}");
    Ok(format!("{} lines about watchdogs", said.len()))
}

fn node(name: &str, compatible: &str, blocks: &[u64]) -> NewNode {
    let reg = blocks.iter().flat_map(|&at| [at, 0x1000]).flat_map(u64::to_be_bytes).collect::<Vec<u8>>();
    NewNode::new(name).prop_str("compatible", compatible).prop("reg", reg)
}

fn board(bed: &TestBed, name: &str, on_running: &str, extra: Option<NewNode>) -> Result<Board> {
    let keep = |end: &str, bytes: &[u8]| tree::keep(&bed.ws.scratch_file("watchdog", name, end)?, bytes);
    let policy = keep("toml", format!("[watchdog]\non-running = \"{on_running}\"\n").as_bytes())?;
    let bundle =
        bed.pack(&Parts { kernel: bed.payload()?.image, policy: Some(policy), ..Parts::default() })?;
    let slot = Span::new(PAYLOAD_AT, fs::metadata(&bundle)?.len()).context("the bundle is empty")?;
    let block = |n: u64| REGISTERS_AT + n * BLOCK;
    let mut nodes = vec![
        node("sp805@7fe00000", "arm,sp805", &[block(0)]),
        node("dw@7fe10000", "snps,dw-wdt", &[block(1)]),
        node("sbsa@7fe20000", "arm,sbsa-gwdt", &[block(2), block(3)]),
        node("idle@7fe40000", "arm,sp805", &[block(4)]),
    ];
    nodes.extend(extra);
    let dtb = edited(bed, |tree, edits| {
        if let Some(memory) = tree.find("/memory@40000000") {
            let ram = [0x4000_0000, REGISTERS_AT - 0x4000_0000_u64].map(u64::to_be_bytes).concat();
            edits.set(memory.id(), "reg", ram);
        }
        nodes.iter().for_each(|node| edits.add_node(tree.root().id(), node.clone()));
        set_slot(tree, edits, slot);
    })?;
    // They run: SP805 by two bits of its third register, the others by one of the first.
    let mut registers = vec![0; 2 * MIB as usize];
    for (at, value) in [(8, 3), (BLOCK as usize, 1), (2 * BLOCK as usize, 1)] {
        registers.get_mut(at).into_iter().for_each(|byte| *byte = value);
    }
    let files = vec![
        (bed.talkative()?, STAGE_AT),
        (keep("dtb", &dtb)?, DTB_AT),
        (bundle, PAYLOAD_AT),
        (keep("registers", &registers)?, REGISTERS_AT),
    ];
    entered(bed, name, DTB_AT, files)
}
