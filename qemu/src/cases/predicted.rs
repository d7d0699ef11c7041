//! What a kernel is predicted to do with a tree that the tool has repaired, as the stage repairs it.

use super::TestBed;
use crate::setup::Series;
use crate::shell::capture;
use anyhow::{Context, Result, anyhow};
use ringfence::facts::BootFacts;
use ringfence::fdt::Tree;
use ringfence::pipeline::{self, Surveyed};
use ringfence::predict::{Prediction, predict};
use std::fs;
use std::path::Path;

/// Repairs a tree with these options of `ringfence fix`, and predicts what the kernel does with it.
///
/// # Errors
/// When the tree cannot be repaired or the kernel is not known.
pub(super) fn of_repaired(
    bed: &TestBed,
    name: &str,
    series: Series,
    tree: &Path,
    options: &[&str],
) -> Result<Prediction> {
    let ws = &bed.ws;
    let fixed = ws.scratch_file("guest", name, "fixed.dtb")?;
    let release = series.release(ws).context("the kernel has no release")?;
    let mut fix = bed.tool()?.command();
    fix.args(["fix", "--no-config"]).args(options).args(series.tool_options(&release));
    capture(fix.arg("-o").arg(&fixed).arg(tree))?;
    of(series, &release, &fs::read(&fixed)?)
}

/// Predicts what a kernel does with a tree.
///
/// # Errors
/// When the tree cannot be read or the kernel is not known.
pub(super) fn of(series: Series, release: &str, dtb: &[u8]) -> Result<Prediction> {
    let tree = Tree::parse(dtb).map_err(|error| anyhow!("{error}"))?;
    let profile = series.profile(release).with_context(|| format!("no profile of Linux {release}"))?;
    let facts = BootFacts::default();
    let surveyed = Surveyed::of(tree, pipeline::Context { policy: None, profile: &profile, facts: &facts });
    Ok(predict(surveyed.analysis()))
}
