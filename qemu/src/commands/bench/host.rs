//! The cost of the tool on the host: every tree of Debian's kernel package checked, beside dtc reading them.

use crate::job::Tool;
use crate::setup;
use crate::workspace::Workspace;
use anyhow::{Context, Result, anyhow, bail, ensure};
use ringfence::fdt::{NewNode, build};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Times both over the whole corpus, in seconds.
pub(super) fn measure(ws: &Workspace, tool: &Tool) -> Result<Value> {
    let corpus = setup::corpus(ws);
    let trees = trees(&corpus)?;
    // Read once, so that neither pays for a cold file cache.
    let bytes: usize = trees.iter().map(|path| fs::read(path).map_or(0, |tree| tree.len())).sum();

    let started = Instant::now();
    let mut running = tool
        .command()
        .args(["check", "--format", "json"])
        .arg(&corpus)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start the tool")?;
    let (status, peak) = watch(&mut running)?;
    let check = started.elapsed().as_secs_f64();
    // 1 means findings, which real boards have.
    if !matches!(status.code(), Some(0 | 1)) {
        bail!("`ringfence check` over the corpus ended with {status}");
    }
    let started = Instant::now();
    for tree in &trees {
        let mut dtc = Command::new("dtc");
        dtc.args(["-q", "-q", "-I", "dtb", "-O", "dtb", "-o", "/dev/null"]).arg(tree);
        dtc.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    }
    let dtc = started.elapsed().as_secs_f64();
    let rounded = |seconds: f64| (seconds * 1000.0).round() / 1000.0;
    Ok(json!({
        "corpus_trees": trees.len(),
        "corpus_bytes": bytes,
        "check_seconds": rounded(check),
        "check_peak_kib": peak,
        "dtc_seconds": rounded(dtc),
        "check_relative_to_dtc": rounded(check / dtc),
        "check_seconds_by_regions": growth(ws, tool)?,
    }))
}

/// How many regions the trees have over which the growth is timed.
const REGIONS: [u64; 5] = [10, 100, 1_000, 10_000, 100_000];

/// Times the check of one tree with more and more carveouts: the fastest of three runs.
fn growth(ws: &Workspace, tool: &Tool) -> Result<Value> {
    let mut seconds = serde_json::Map::new();
    for count in REGIONS {
        let tree = ws.scratch_file("bench", &format!("{count}-regions"), "dtb")?;
        fs::write(&tree, tree_of(count)?)?;
        let mut best = f64::INFINITY;
        for _ in 0..3 {
            let mut check = tool.command();
            check.args(["check", "--no-config"]).arg(&tree);
            check.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let started = Instant::now();
            // 1 says that kernels cannot map the larger ones, which is right.
            let status = check.status()?;
            best = best.min(started.elapsed().as_secs_f64());
            ensure!(matches!(status.code(), Some(0 | 1)), "{count} regions: {status}");
        }
        seconds.insert(count.to_string(), json!((best * 10_000.0).round() / 10_000.0));
    }
    Ok(Value::Object(seconds))
}

/// Returns a board with this many carveouts of one page, 2 MiB from base to base.
fn tree_of(count: u64) -> Result<Vec<u8>> {
    let pair = |base: u64, size: u64| [base.to_be_bytes(), size.to_be_bytes()].concat();
    let cells = |node: NewNode| node.prop_u32("#address-cells", 2).prop_u32("#size-cells", 2);
    let memory = NewNode::new("memory@40000000").prop_str("device_type", "memory");
    let memory = memory.prop("reg", pair(1 << 30, 1 << 40));
    let region = |index: u64| {
        let base = (1 << 30) + index * (2 << 20);
        NewNode::new(&format!("fw@{base:x}")).prop("reg", pair(base, 4096)).prop_empty("no-map")
    };
    let reserved = cells(NewNode::new("reserved-memory")).prop_empty("ranges");
    let reserved = (0..count).map(region).fold(reserved, NewNode::child);
    build(&cells(NewNode::new("")).child(memory).child(reserved), 0, &[]).map_err(|error| anyhow!("{error}"))
}

/// Waits for a program, and reads the most memory that it ever held, in KiB, for as long as the kernel tells.
fn watch(running: &mut Child) -> Result<(ExitStatus, u64)> {
    let status_file = format!("/proc/{}/status", running.id());
    let mut peak = 0;
    loop {
        let text = fs::read_to_string(&status_file).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let held = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(held.unwrap_or(0));
        if let Some(status) = running.try_wait()? {
            return Ok((status, peak));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn trees(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).with_context(|| dir.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "dtb") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
