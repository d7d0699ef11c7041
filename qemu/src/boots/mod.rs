//! Repaired trees before real Linux, with no stage between: what the kernel ends up with is compared with the
//! plan.

mod judge;
mod layout;
mod scenario;

pub(crate) use scenario::{Scenario, every, policy};

use crate::job;
use crate::machine::Level;
use crate::setup::Series;
use crate::test_bed::TestBed;
use anyhow::{Context, Result};
use layout::Layout;
use std::fs;
use std::time::Duration;

/// How long a boot may take on a busy machine; some seconds are usual.
const LIMIT: Duration = Duration::from_secs(240);

/// The same for a kernel that is to die: early, it does so in silence and goes on for ever.
const LIMIT_OF_DEATH: Duration = Duration::from_secs(60);

/// The result of a scenario.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    /// Linux came up and did as planned.
    AsPlanned(String),
    /// Linux died of the tree, as predicted.
    Died(String),
    /// The tree cannot be repaired, so there was nothing to boot.
    Refused(String),
}

/// Repairs the scenario's tree, boots it, and compares what Linux made of it with the plan.
///
/// # Errors
/// When a step fails, or naming what was not as planned.
pub(crate) fn boot(bed: &TestBed, scenario: &Scenario, series: Series) -> Result<Seen> {
    let name = format!("boots-{}-{}", scenario.name, series.name());
    let kernel = series.image(&bed.ws);
    let initrd = bed.initrd()?;
    let source = scenario.source(&bed.ws, &name, Layout::initrd_of(&initrd)?)?;
    // Point releases of one series differ, so the one that boots is named.
    let release =
        series.release(&bed.ws).with_context(|| format!("no package name beside {}", kernel.display()))?;
    let profile = series.profile(&release).with_context(|| format!("no profile of Linux {release}"))?;
    let tree = if scenario.repaired {
        let fixed = bed.ws.scratch_file("boots", &name, "fixed.dtb")?;
        let layout = Layout::of(&kernel, &initrd, &source)?;
        let mut fix = bed.tool()?.command();
        fix.args(["fix", "--no-config"])
            .args(series.tool_options(&release))
            .arg("--policy")
            .arg(scenario::policy(&bed.ws))
            .args(layout.boot_map())
            .arg("-o")
            .arg(&fixed)
            .arg(&source);
        let must_be_refused = scenario.must_be_refused(&profile);
        let out = fix.output().context("cannot start the tool")?;
        match out.status.code() {
            Some(0) if must_be_refused => anyhow::bail!("repaired, where it had to be refused"),
            Some(0) => fixed,
            Some(3) if must_be_refused => return Ok(Seen::Refused(reason(&out.stderr, &out.stdout))),
            _ => anyhow::bail!("fix: {}: {}", out.status, reason(&out.stderr, &out.stdout)),
        }
    } else {
        source
    };
    let mut layout = Layout::of(&kernel, &initrd, &tree)?;
    if scenario.exact {
        layout = layout.exact(&tree)?;
    }
    let dtb = fs::read(&tree)?;
    let plan = judge::Plan::of(&dtb, &layout.facts(), &profile)?;
    // The command line is the tree's own, so that a repair of it is what boots.
    let mut board = job::board(kernel.clone(), Some(initrd.clone()), Some(tree.clone()), "");
    board.level = Level::El1;
    board.more.extend(series.processor());
    if scenario.exact {
        let start = bed.ws.scratch_file("boots", &name, "start")?;
        board.entry = layout.entry(&start, kernel, initrd, tree)?;
    }
    let limit = if plan.dies() { LIMIT_OF_DEATH } else { LIMIT };
    let transcript = bed.boot(&name, &board, limit)?;
    let required = if scenario.repaired { scenario::REQUIRED } else { &[] };
    let seen = plan.judge(&transcript, required)?;
    Ok(if plan.dies() { Seen::Died(seen) } else { Seen::AsPlanned(seen) })
}

/// Returns the line that says why: the first error.
fn reason(stderr: &[u8], stdout: &[u8]) -> String {
    let text = format!("{}\n{}", String::from_utf8_lossy(stderr), String::from_utf8_lossy(stdout));
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first = lines.clone().find(|line| line.contains("error") || line.contains("refused"));
    first.or_else(|| lines.next()).unwrap_or("no reason given").trim().to_owned()
}
