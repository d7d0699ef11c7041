//! Stage and host give the same answer: for every scenario, the findings and repairs that the stage prints and the
//! bytes of the device tree that it hands off are those that the core gives here, from the same tree, the same
//! policy and the same facts of the boot.
//!
//! RAM is a file of the host's, so that both trees, the loader's and the one handed off, are read from it afterwards.

use super::{Case, refused};
use crate::bench::Bench;
use crate::boots::{self, Scenario};
use crate::job::{self, Parts};
use crate::machine::Ram;
use crate::transcript::{Ending, Transcript};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, anyhow, ensure};
use ringfence::facts::{BootFacts, Kernel, Placed};
use ringfence::fit::Fit;
use ringfence::kernel_image::Header;
use ringfence::pipeline::{self, Context};
use ringfence::policy::{self, Policy};
use ringfence::profile::KernelProfile;
use ringfence::prove::{Proven, Refusal};
use ringfence::span::Span;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

const RAM_BASE: u64 = 0x4000_0000;
/// Where QEMU puts an image whose text offset is 0, an initrd, and behind that, on this boundary, the tree.
const STAGE_AT: u64 = 0x4020_0000;
const INITRD_AT: u64 = 0x4800_0000;
const DTB_ALIGN: u64 = 2 << 20;

/// One case for each scenario.
///
/// # Errors
/// When the scenarios cannot be read.
pub(super) fn cases(ws: &Workspace) -> Result<Vec<Case>> {
    let scenarios = boots::every(ws, false)?.into_iter().filter(|scenario| scenario.repaired);
    let case = |scenario: Scenario| {
        let name = format!("same-answer-{}", scenario.name);
        Case::new(name, move |bench, name| boot(bench, name, &scenario))
    };
    Ok(scenarios.map(case).collect())
}

fn boot(bench: &Bench, name: &str, scenario: &Scenario) -> Result<String> {
    let ws = &bench.ws;
    let kernel = bench.payload.image.clone();
    let parts = Parts { kernel, policy: Some(boots::policy(ws)), ..Parts::default() };
    let bundle = bench.pack(&parts)?;
    let tree = scenario.source(ws, name)?;
    let mut board = job::board(bench.stage.image.clone(), Some(bundle.clone()), Some(tree), "");
    let ram = ws.scratch_file("ram", name, "bin")?;
    let _ = fs::remove_file(&ram);
    let path = ram.display().to_string().replace(',', ",,");
    board.more = ["-machine", "memory-backend=ram", "-object"].map(String::from).to_vec();
    board.more.push(format!("memory-backend-file,id=ram,size={},share=on,mem-path={path}", Ram::GIB_4));
    let transcript = bench.boot(name, &board, Duration::from_secs(60))?;
    let memory = File::open(&ram).with_context(|| ram.display().to_string())?;
    // The name goes at once; what is kept open is there until it is closed.
    fs::remove_file(&ram)?;
    let seen = compare(&transcript, &memory, &fs::read(&bundle)?, &bench.stage.image)?;
    ensure!(transcript.ending == Ending::PoweredOff, "the board {}", transcript.ending);
    Ok(seen)
}

/// Gives the core what the stage had, and holds the answers against each other.
fn compare(transcript: &Transcript, memory: &File, bundle: &[u8], stage: &Path) -> Result<String> {
    let said = |start: &str| -> Vec<String> {
        transcript.stage().filter(|line| line.starts_with(start)).map(str::to_owned).collect()
    };
    let slot = Span::new(INITRD_AT, bundle.len() as u64).context("the bundle is empty")?;
    let (at, dtb) = blob(memory, slot.end().next_multiple_of(DTB_ALIGN))?;

    let fit = Fit::parse(bundle).map_err(|why| anyhow!("{why}"))?;
    let config = fit.select(&[]).map_err(|why| anyhow!("{why}"))?;
    let blob_of_policy = config.policy.as_ref().context("the bundle has no policy")?.data;
    let policy = Policy::from_blob(blob_of_policy).map_err(|why| anyhow!("{why}"))?;
    let header = Header::parse(config.kernel.data).map_err(|why| anyhow!("{why}"))?;
    let len = config.kernel.data.len() as u64;
    let lies = Span::new(slot.base() + config.kernel.data_offset, len).context("an empty kernel")?;
    let own = Header::parse(&fs::read(stage)?).map_err(|why| anyhow!("{why}"))?;
    let facts = BootFacts {
        stage: Span::new(STAGE_AT, own.footprint(0)),
        bundle: Some(slot),
        dtb: Some(Placed { at, movable: true }),
        kernel: Some(Kernel {
            at: lies,
            text_offset: header.text_offset(),
            image_size: header.footprint(len),
            movable: true,
        }),
        report: true,
        policy_digest: Some(policy::digest(blob_of_policy).map_err(|why| anyhow!("{why}"))?),
        ..BootFacts::default()
    };
    let default = KernelProfile::default();
    let profile = header.page_size().map_or(default, |page| default.with_page(page));
    let context = Context { policy: Some(&policy), profile: &profile, facts: &facts };

    let judged = pipeline::survey(&dtb, context).map_err(|why| anyhow!("{why}"))?.judge();
    let findings: Vec<String> = judged.findings().iter().map(ToString::to_string).collect();
    same("findings", &said("RF"), &findings)?;
    let planned = judged.plan();
    let repairs: Vec<String> =
        planned.plan().repairs.iter().map(|repair| format!("repair: {repair}")).collect();
    same("repairs", &said("repair: "), &repairs)?;
    match planned.apply().and_then(|applied| applied.prove()) {
        Ok(proven) => {
            let size = handed_off(transcript, memory, &proven)?;
            Ok(format!("{} findings, {} repairs, the same {size} bytes", findings.len(), repairs.len()))
        }
        Err(why) => {
            let halt = refused(transcript)?;
            let wanted = match &why {
                Refusal::Findings(left) => left.first().map(|finding| format!("{finding}; {}", finding.help)),
                _ => Some(why.to_string()),
            };
            let wanted = wanted.context("a refusal without a finding")?;
            ensure!(halt.contains(&wanted), "the host refuses by `{wanted}`, the stage says `{halt}`");
            Ok(format!("{} findings, {} repairs, the same refusal", findings.len(), repairs.len()))
        }
    }
}

/// Fails unless the kernel's stand-in was entered with this very tree. Returns its size in bytes.
fn handed_off(transcript: &Transcript, memory: &File, proven: &Proven) -> Result<usize> {
    let entered = transcript.lines.iter().find_map(|line| line.strip_prefix("payload: EL"));
    let x0 = entered.and_then(|line| line.split_once(" x0=0x")).and_then(|(_, rest)| rest.split(' ').next());
    let x0 = x0.with_context(|| format!("the stage handed nothing off:\n{}", transcript.tail(6)))?;
    let (_, dumped) = blob(memory, u64::from_str_radix(x0, 16)?)?;
    let differs = dumped.iter().zip(proven.dtb()).position(|(board, host)| board != host);
    ensure!(
        differs.is_none() && dumped.len() == proven.dtb().len(),
        "the stage handed off {} bytes, the host makes {}; they differ from byte {differs:?} on",
        dumped.len(),
        proven.dtb().len()
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
