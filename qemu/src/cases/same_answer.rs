//! Stage and tool give the same answer: for every scenario, the findings and repairs that the stage prints
//! are those of `ringfence check` and `fix`, and the device tree that it hands off is the file that `fix`
//! writes, byte for byte, from the same tree, the same bundle and the same places. What one refuses the other
//! does, for the same reason. So it is with two trees, of which the bundle brings one.
//!
//! RAM is a file of the host's, so that both trees, the loader's and the one handed off, are read from it
//! afterwards.

use super::{Case, refused};
use crate::boots::{self, Scenario};
use crate::dtc;
use crate::job::{self, Parts, Tool};
use crate::machine::Ram;
use crate::shell::words;
use crate::test_bed::TestBed;
use crate::transcript::{Ending, Transcript};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use ringfence::fdt::Tree;
use ringfence::plan::REPORT;
use ringfence::span::Span;
use serde::Deserialize;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const RAM_BASE: u64 = 0x4000_0000;
/// Where QEMU puts an image whose text offset is 0, an initrd, and after it, on this boundary, the tree.
const STAGE_AT: u64 = 0x4020_0000;
const INITRD_AT: u64 = 0x4800_0000;
const DTB_ALIGN: u64 = 2 << 20;

/// Returns one case for each scenario.
///
/// # Errors
/// When the scenarios cannot be read.
pub(super) fn cases(ws: &Workspace) -> Result<Vec<Case>> {
    let scenarios = boots::every(ws, false)?.into_iter().filter(|scenario| scenario.repaired);
    let case = |scenario: Scenario| {
        let name = format!("same-answer-{}", scenario.name);
        Case::new(name, move |bed, name| boot(bed, name, &scenario))
    };
    let two = TWO.iter().map(|stem| {
        Case::new(format!("same-answer-two-trees-{stem}"), |bed, name| two_trees(bed, name, stem))
    });
    Ok(scenarios.map(case).chain(two).collect())
}

/// Pairs of trees, `scenarios/two/NAME.loader.dts` and `NAME.bundle.dts`, some with a policy, `NAME.toml`.
const TWO: [&str; 5] = ["reserved", "ram", "pool", "chosen", "board"];

fn boot(bed: &TestBed, name: &str, scenario: &Scenario) -> Result<String> {
    let policy = Some(boots::policy(&bed.ws));
    let parts = Parts { kernel: bed.payload()?.image, policy, ..Parts::default() };
    let slot = Span::new(INITRD_AT, 1).context("an empty slot")?;
    boot_parts(bed, name, &parts, scenario.source(&bed.ws, name, slot)?)
}

/// Boots a bundle that brings a tree, with another from the loader.
fn two_trees(bed: &TestBed, name: &str, stem: &str) -> Result<String> {
    let two = bed.ws.proving_ground().join("scenarios/two");
    let compile = |which: &str| dtc::compile(&bed.ws, &two.join(format!("{stem}.{which}.dts")));
    let dtb = Some(compile("bundle")?);
    let policy = Some(two.join(format!("{stem}.toml"))).filter(|policy| policy.is_file());
    let parts = Parts { kernel: bed.payload()?.image, dtb, policy, ..Parts::default() };
    boot_parts(bed, name, &parts, compile("loader")?)
}

/// Boots a bundle of these parts with `tree` from the loader, and compares the answers.
fn boot_parts(bed: &TestBed, name: &str, parts: &Parts, tree: PathBuf) -> Result<String> {
    let ws = &bed.ws;
    let bundle = bed.pack(parts)?;
    let mut board = job::board(bed.stage()?.image, Some(bundle.clone()), Some(tree), "");
    let ram = ws.scratch_file("ram", name, "bin")?;
    let _ = fs::remove_file(&ram);
    let path = ram.display().to_string().replace(',', ",,");
    board.more = ["-machine", "memory-backend=ram", "-object"].map(String::from).to_vec();
    board.more.push(format!("memory-backend-file,id=ram,size={},share=on,mem-path={path}", Ram::GIB_4));
    let transcript = bed.boot(name, &board, Duration::from_secs(60))?;
    let memory = File::open(&ram).with_context(|| ram.display().to_string())?;
    // The name goes at once; what is kept open is there until it is closed.
    fs::remove_file(&ram)?;
    let slot = Span::new(INITRD_AT, fs::metadata(&bundle)?.len()).context("the bundle is empty")?;
    let (at, dtb) = blob(&memory, slot.end().next_multiple_of(DTB_ALIGN))?;
    let loaded = ws.scratch_file("same", name, "dtb")?;
    fs::write(&loaded, dtb)?;
    let host = Host {
        tool: bed.tool()?,
        bundle: format!("--bundle={INITRD_AT:#x}:@{}", bundle.display()),
        stage: format!("--boot-map=stage={STAGE_AT:#x}:@{}", bed.stage()?.image.display()),
        dtb: format!("--boot-map=dtb={:#x}:{}", at.base(), at.len()),
        loaded: &loaded,
        brought: parts.dtb.as_deref(),
    };
    let seen = compare(&transcript, &memory, &host, &ws.scratch_file("same", name, "fixed.dtb")?)?;
    ensure!(transcript.ending == Ending::PoweredOff, "the board {}", transcript.ending);
    Ok(seen)
}

/// The tool, with the facts that the stage had.
struct Host<'b> {
    tool: Tool,
    bundle: String,
    stage: String,
    dtb: String,
    loaded: &'b Path,
    /// The tree in the bundle, into which the loader's is merged.
    brought: Option<&'b Path>,
}

impl Host<'_> {
    fn command(&self, name: &str) -> Command {
        let mut command = self.tool.command();
        command.args([name, "--no-config", "--format=json"]).args([&self.bundle, &self.stage, &self.dtb]);
        match self.brought {
            Some(brought) => command.arg("--loader-dtb").args([self.loaded, brought]),
            None => command.arg(self.loaded),
        };
        command
    }
}

/// The part of the tool's JSON that is compared.
#[derive(Debug, Deserialize)]
struct Document {
    inputs: Vec<Input>,
}

#[derive(Debug, Deserialize)]
struct Input {
    findings: Vec<Finding>,
    #[serde(default)]
    repairs: Vec<Repair>,
}

#[derive(Debug, Deserialize)]
struct Finding {
    rule: String,
    severity: String,
    node: String,
    message: String,
    help: String,
}

#[derive(Debug, Deserialize)]
struct Repair {
    node: String,
    description: String,
}

impl Finding {
    /// Returns the line that the stage has for it.
    fn line(&self) -> String {
        format!("{} {} {}: {}", self.rule, self.severity, self.node, self.message)
    }
}

/// Runs the tool; returns the exit code, what it says of the one tree, and its complaints.
fn answer(command: &mut Command) -> Result<(Option<i32>, Option<Input>, String)> {
    let out = command.output().with_context(|| words(command))?;
    let complaints = String::from_utf8_lossy(&out.stderr).into_owned();
    let input = match out.stdout.is_empty() {
        true => None,
        false => serde_json::from_slice::<Document>(&out.stdout)?.inputs.pop(),
    };
    Ok((out.status.code(), input, complaints))
}

/// Runs the tool, and compares its answers with those of the stage.
fn compare(transcript: &Transcript, memory: &File, host: &Host<'_>, fixed: &Path) -> Result<String> {
    let said = |start: &str| -> Vec<String> {
        transcript.stage().filter(|line| line.starts_with(start)).map(str::to_owned).collect()
    };
    let (_, judged, complaints) = answer(&mut host.command("check"))?;
    let judged = judged.with_context(|| format!("check prints nothing: {complaints}"))?;
    let findings: Vec<String> = judged.findings.iter().map(Finding::line).collect();
    same("findings", &said("RF"), &findings)?;
    let (code, answer, complaints) = answer(host.command("fix").arg("-o").arg(fixed))?;
    match code {
        Some(0) => {
            let answer = answer.with_context(|| format!("fix prints nothing: {complaints}"))?;
            let line = |repair: &Repair| format!("repair: {}: {}", repair.node, repair.description);
            let repairs: Vec<String> = answer.repairs.iter().map(line).collect();
            same("repairs", &said("repair: "), &repairs)?;
            let size = handed_off(transcript, memory, &fs::read(fixed)?)?;
            Ok(format!("{} findings, {} repairs, the same {size} bytes", findings.len(), repairs.len()))
        }
        Some(3) => {
            let halt = refused(transcript)?;
            let left = answer.iter().flat_map(|answer| &answer.findings);
            let left: Vec<String> =
                left.map(|finding| format!("{}; {}", finding.line(), finding.help)).collect();
            // A refusal that is not a finding is on standard error.
            let why = halt.strip_prefix("HALT ").unwrap_or(halt);
            let why = why.split("; run `ringfence check`").next().unwrap_or(why);
            let agree = left.first().map_or_else(|| complaints.contains(why), |first| first == why);
            ensure!(agree, "the stage says `{halt}`, the tool {left:?}: {complaints}");
            Ok(format!("{} findings, the same refusal", findings.len()))
        }
        // The bundle is refused before its tree is judged.
        Some(2) => {
            let halt = refused(transcript)?;
            let (_, why) = halt.split_once("): ").with_context(|| format!("not of a bundle: {halt}"))?;
            ensure!(complaints.contains(why), "the stage says `{halt}`, the tool: {complaints}");
            Ok("the bundle is refused for the same reason".into())
        }
        code => bail!("fix ended with {code:?}: {complaints}"),
    }
}

/// Fails unless the test payload was entered with exactly this tree. Returns its size in bytes.
fn handed_off(transcript: &Transcript, memory: &File, fixed: &[u8]) -> Result<usize> {
    let entered = transcript.lines.iter().find_map(|line| line.strip_prefix("payload: EL"));
    let x0 = entered.and_then(|line| line.split_once(" x0=0x")).and_then(|(_, rest)| rest.split(' ').next());
    let x0 = x0.with_context(|| format!("the stage did not hand off:\n{}", transcript.tail(6)))?;
    let (_, dumped) = blob(memory, u64::from_str_radix(x0, 16)?)?;
    let account = transcript.stage().find_map(|line| line.strip_prefix("tree: "));
    let tree = Tree::parse(&dumped).map_err(|error| anyhow!("{error}"))?;
    let reported = tree.find(REPORT).and_then(|report| report.prop("tree")?.as_str());
    ensure!(account == reported, "the stage logs `tree: {account:?}` and reports {reported:?}");
    let differs = dumped.iter().zip(fixed).position(|(board, host)| board != host);
    ensure!(
        differs.is_none() && dumped.len() == fixed.len(),
        "the stage handed off {} bytes, `fix` wrote {}; they differ from byte {differs:?} on",
        dumped.len(),
        fixed.len()
    );
    Ok(dumped.len())
}

/// Reads the device tree at an address of the board.
fn blob(memory: &File, at: u64) -> Result<(Span, Vec<u8>)> {
    let offset = at.checked_sub(RAM_BASE).context("a device tree below RAM")?;
    let mut header = [0; 8];
    memory.read_exact_at(&mut header, offset)?;
    ensure!(header.starts_with(&ringfence::fdt::MAGIC.to_be_bytes()), "no device tree at {at:#x}");
    let len = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    let mut bytes = vec![0; usize::try_from(len)?];
    memory.read_exact_at(&mut bytes, offset)?;
    Ok((Span::new(at, u64::from(len)).context("an empty device tree")?, bytes))
}

fn same(what: &str, board: &[String], host: &[String]) -> Result<()> {
    let differs = (0..board.len().max(host.len())).find(|&n| board.get(n) != host.get(n));
    match differs {
        None => Ok(()),
        Some(n) => Err(anyhow!("{what}: the board says {:?}, the host {:?}", board.get(n), host.get(n))),
    }
}
