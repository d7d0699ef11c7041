//! The persistent log of the stage, as Linux shows it.

use super::on_error::RESETS;
use super::{Case, TestBed};
use crate::boards::virt;
use crate::job::{self, Parts};
use crate::machine::Ram;
use crate::setup::Series;
use crate::shell::capture;
use crate::transcript::Transcript;
use crate::{assertions, dtc};
use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;
use ringfence::span::Span;
use std::fs;
use std::io::Read;
use std::time::Duration;

/// Bytes of the region that the policy below asks for: a console of 128 KiB, and the structured log.
const KEPT: u64 = (128 + 64) << 10;

/// In a region that the planner places, and in one that the tree has.
pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("log-kept", placed),
        Case::new("log-kept-in-ramoops-of-the-tree", of_the_tree),
        Case::new("log-kept-over-a-reset", over_a_reset),
    ]
}

fn placed(bed: &TestBed, name: &str) -> Result<String> {
    let transcript = boot(bed, name, "virt-1g.dts", Series::V6_12, "")?;
    let said = shown(&transcript)?;
    // The region is where the planner put it, and Linux keeps off it.
    let regions = crate::reserved_nodes::regions(transcript.section("reserved-memory"))?;
    let region =
        regions.iter().find(|region| region.name.starts_with("ramoops@")).context("no ramoops node")?;
    ensure!(region.spans == [Span::new(0x8000_0000 - KEPT, KEPT).context("no span")?], "{:x?}", region.spans);
    // The structured log, decoded from what Linux shows of it.
    let ring = bed.ws.scratch_file("keep", name, "ring")?;
    fs::write(&ring, bytes(transcript.section("pmsg-ramoops"))?)?;
    let log = capture(bed.tool()?.command().arg("log").arg(&ring).arg("--elf").arg(&bed.stage()?.elf))?;
    ensure!(
        log.contains("entered at EL2") && log.contains("hand-off: kernel 0x"),
        "the structured log is:\n{log}"
    );
    Ok(format!("{said} lines in console-ramoops-0, {} frames in pmsg-ramoops-0", log.lines().count()))
}

fn of_the_tree(bed: &TestBed, name: &str) -> Result<String> {
    let transcript = boot(bed, name, "ramoops.dts", Series::V6_1, "")?;
    let said = shown(&transcript)?;
    ensure!(transcript.section("pmsg-ramoops").is_empty(), "a zone that is not the stage's was written");
    Ok(format!("{said} lines in console-ramoops-0"))
}

/// A warm reset leaves RAM as it is, so the log of the boot before is still there.
fn over_a_reset(bed: &TestBed, name: &str) -> Result<String> {
    let mark = format!("ringfence.reset={MARK:#x}");
    let transcript = boot(bed, name, "virt-1g.dts", Series::V6_12, &mark)?;
    let said = shown(&transcript)?;
    let boots = transcript.stage().filter(|line| line.starts_with("hand-off: ")).count();
    ensure!(boots == 2, "{boots} boots");
    Ok(format!("{said} lines of two boots in console-ramoops-0"))
}

/// Where init marks that it has been there before: in the camera's carveout, which no kernel uses as RAM.
const MARK: u64 = 0x6430_0000;

fn boot(bed: &TestBed, name: &str, tree: &str, series: Series, append: &str) -> Result<Transcript> {
    let ws = &bed.ws;
    let boards = ws.proving_ground().join("boards");
    let policy = ws.scratch_file("keep", name, "toml")?;
    fs::write(&policy, fs::read_to_string(boards.join("virt-1g.toml"))? + "\n[log]\nsize = \"128 KiB\"\n")?;
    let parts = Parts {
        kernel: series.image(ws),
        initrd: Some(bed.initrd()?),
        policy: Some(policy),
        ..Parts::default()
    };
    let bundle = bed.tool()?.pack(ws, name, &parts)?;
    let tree = dtc::compile(ws, &boards.join(tree))?;
    let append = format!("{} {} {append}", virt::APPEND, job::QUICK);
    let mut board = job::board(bed.stage()?.image, Some(bundle), Some(tree), &append);
    board.ram = Ram::GIB;
    board.more = RESETS.map(String::from).to_vec();
    let transcript = bed.boot(name, &board, Duration::from_secs(120))?;
    assertions::held(&transcript)?;
    Ok(transcript)
}

/// Compares the file that Linux shows with the lines of the stage on the console, in order.
fn shown(transcript: &Transcript) -> Result<usize> {
    let kept: Vec<&str> = transcript
        .section("console-ramoops")
        .iter()
        .filter_map(|line| line.strip_prefix("| ringfence: "))
        .collect();
    let said: Vec<&str> = transcript.stage().collect();
    ensure!(kept == said, "console-ramoops-0 holds {} lines of {}: {kept:#?}", kept.len(), said.len());
    ensure!(said.iter().any(|line| line.starts_with("hand-off: ")), "without a hand-off");
    Ok(said.len())
}

/// Unpacks what init printed.
fn bytes(lines: &[String]) -> Result<Vec<u8>> {
    let digits: String = lines.iter().map(|line| line.trim()).collect();
    let packed = (0..digits.len())
        .step_by(2)
        .map(|at| {
            let pair = digits.get(at..at + 2).context("half a byte")?;
            u8::from_str_radix(pair, 16).with_context(|| format!("`{pair}` is not a byte"))
        })
        .collect::<Result<Vec<u8>>>()?;
    let mut bytes = Vec::new();
    GzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).context("pmsg-ramoops-0")?;
    Ok(bytes)
}
