//! `cargo xtask boots`: boots repaired trees, and prints what Linux made of each.

use crate::boots::{self, Scenario, Seen};
use crate::parallel;
use crate::setup::{Consent, Need, Series};
use crate::test_bed::TestBed;
use crate::workspace::Workspace;
use anyhow::{Result, bail, ensure};
use clap::Args;

/// Fewer boots than this of one kernel would show too little.
const ENOUGH: usize = 40;

/// Options of `cargo xtask boots`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Boot every tree as it is too, the good ones with further command lines, by every kernel: those of the
    /// tests, Debian's 5.10 and 6.18, and those that `cargo xtask kernels` has built
    #[arg(long)]
    all: bool,
    /// Boot only these kernels
    #[arg(long, value_parser = Series::parser(), value_delimiter = ',')]
    kernel: Vec<Series>,
    /// Boots that run at a time
    #[arg(long, default_value_t = parallel::AT_A_TIME)]
    jobs: usize,
    /// Boot only scenarios whose name contains this text
    #[arg(long)]
    only: Option<String>,
    /// Install and fetch nothing
    #[arg(long)]
    no_install: bool,
}

/// Runs the command.
///
/// # Errors
/// When set-up or a build fails, when Linux did not do as planned, or when too few trees could be booted.
pub(crate) fn run(ws: &Workspace, options: &Options) -> Result<()> {
    let consent = if options.no_install { Consent::Forbidden } else { Consent::Install };
    let kernels = kernels(ws, options);
    let mut needs = vec![Need::Busybox];
    needs.extend(kernels.iter().map(|series| Need::Kernel(*series)));
    let bed = TestBed::set_up(ws, consent, &needs)?;
    let mut scenarios = boots::every(ws, options.all)?;
    if let Some(text) = &options.only {
        scenarios.retain(|scenario| scenario.name.contains(text.as_str()));
    }
    let all: Vec<(&Scenario, Series)> =
        scenarios.iter().flat_map(|scenario| kernels.iter().map(move |&series| (scenario, series))).collect();
    let tally = boot_all(&bed, &all, options.jobs)?;
    println!("\n{} refused and not booted", tally.refused);
    println!("{} passed, {} failed", tally.passed, tally.failed);
    if tally.failed > 0 {
        bail!("{} of {} boots failed", tally.failed, tally.failed + tally.passed);
    }
    let enough = options.only.is_some() || tally.passed >= ENOUGH * kernels.len();
    ensure!(enough, "only {} trees were booted, fewer than {ENOUGH} for each kernel", tally.passed);
    Ok(())
}

/// Returns the kernels that were asked for.
fn kernels(ws: &Workspace, options: &Options) -> Vec<Series> {
    match (options.kernel.as_slice(), options.all) {
        ([], false) => Series::ALL.to_vec(),
        ([], true) => {
            let is_there = |series: &Series| !series.is_built() || Need::Kernel(*series).is_met(ws);
            Series::every().filter(is_there).collect()
        }
        (named, _) => named.to_vec(),
    }
}

/// How many scenarios ended how.
#[derive(Debug, Default)]
struct Tally {
    passed: usize,
    failed: usize,
    refused: usize,
}

/// Boots all, and prints a line of the table for each as it ends.
fn boot_all(bed: &TestBed, all: &[(&Scenario, Series)], jobs: usize) -> Result<Tally> {
    println!("| scenario | kernel | seen |\n|---|---|---|");
    let results = parallel::each(all, jobs, |(scenario, series)| {
        let result = boots::boot(bed, scenario, *series);
        let seen = match &result {
            Ok(Seen::AsPlanned(seen)) => seen.clone(),
            Ok(Seen::Refused(why)) => format!("refused: {why}"),
            Err(error) => format!("FAILED: {error:#}").replace('\n', " "),
        };
        println!("| {} | {} | {seen} |", scenario.name, series.name());
        result
    })?;
    let mut tally = Tally::default();
    for result in results {
        match result {
            Ok(Seen::AsPlanned(_)) => tally.passed += 1,
            Ok(Seen::Refused(_)) => tally.refused += 1,
            Err(_) => tally.failed += 1,
        }
    }
    Ok(tally)
}
