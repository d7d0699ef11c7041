//! `cargo xtask boots`: boots repaired trees, and prints what Linux made of each.

use crate::boots::{self, Scenario, Seen};
use crate::parallel;
use crate::setup::{Consent, Need, Series};
use crate::test_bed::TestBed;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use std::fs;
use std::path::PathBuf;

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
    /// Boot only scenarios whose name contains one of these texts
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Write the table of kernels into this file, too
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
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
    if !options.only.is_empty() {
        scenarios.retain(|scenario| options.only.iter().any(|text| scenario.name.contains(text.as_str())));
    }
    let all: Vec<(&Scenario, Series)> =
        scenarios.iter().flat_map(|scenario| kernels.iter().map(move |&series| (scenario, series))).collect();
    let results = boot_all(&bed, &all, options.jobs)?;
    let of = |series: Series| all.iter().zip(&results).filter(move |((_, one), _)| *one == series);
    let mut table = String::from(HEAD);
    for &series in &kernels {
        let release = series.release(ws).unwrap_or_default();
        table += &Tally::of(of(series).map(|(_, result)| result)).row(series, &release);
    }
    let total = Tally::of(&results);
    println!("\n{table}\n{} refused and not booted", total.refused);
    println!("{} passed, {} failed", total.passed(), total.failed);
    if let Some(path) = &options.table {
        fs::write(path, &table).with_context(|| path.display().to_string())?;
    }
    if total.failed > 0 {
        bail!("{} of {} boots failed", total.failed, total.failed + total.passed());
    }
    let enough = !options.only.is_empty() || total.passed() >= ENOUGH * kernels.len();
    ensure!(enough, "only {} trees were booted, fewer than {ENOUGH} for each kernel", total.passed());
    Ok(())
}

/// The head of the table of kernels.
const HEAD: &str = "\
| kernel | Linux | pages | as predicted | died as predicted | refused, not booted | failed |
|---|---|---|---|---|---|---|
";

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
    came_up: usize,
    died: usize,
    refused: usize,
    failed: usize,
}

impl Tally {
    fn of<'r>(results: impl IntoIterator<Item = &'r Result<Seen>>) -> Self {
        let mut tally = Self::default();
        for result in results {
            *match result {
                Ok(Seen::AsPlanned(_)) => &mut tally.came_up,
                Ok(Seen::Died(_)) => &mut tally.died,
                Ok(Seen::Refused(_)) => &mut tally.refused,
                Err(_) => &mut tally.failed,
            } += 1;
        }
        tally
    }

    const fn passed(&self) -> usize {
        self.came_up + self.died
    }

    /// Returns a row of the table of kernels.
    fn row(&self, series: Series, release: &str) -> String {
        let Self { came_up, died, refused, failed } = self;
        let (name, pages) = (series.name(), series.page().bytes() >> 10);
        format!("| {name} | {release} | {pages} KiB | {came_up} | {died} | {refused} | {failed} |\n")
    }
}

/// Boots all, and prints a line for each as it ends.
fn boot_all(bed: &TestBed, all: &[(&Scenario, Series)], jobs: usize) -> Result<Vec<Result<Seen>>> {
    println!("| scenario | kernel | seen |\n|---|---|---|");
    parallel::each(all, jobs, |(scenario, series)| {
        let result = boots::boot(bed, scenario, *series);
        let seen = match &result {
            Ok(Seen::AsPlanned(seen) | Seen::Died(seen)) => seen.clone(),
            Ok(Seen::Refused(why)) => format!("refused: {why}"),
            Err(error) => format!("FAILED: {error:#}").replace('\n', " "),
        };
        println!("| {} | {} | {seen} |", scenario.name, series.name());
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boots_are_counted_by_how_they_ended() {
        let text = String::new;
        let results = [
            Ok(Seen::AsPlanned(text())),
            Ok(Seen::AsPlanned(text())),
            Ok(Seen::Died(text())),
            Ok(Seen::Refused(text())),
            Err(anyhow::anyhow!("lost")),
        ];
        let tally = Tally::of(&results);
        assert_eq!(tally.passed(), 3);
        assert_eq!(tally.row(Series::V6_1, "6.1.176"), "| 6.1 | 6.1.176 | 4 KiB | 2 | 1 | 1 | 1 |\n");
        let columns = |line: &str| line.matches('|').count();
        assert!(HEAD.lines().all(|line| columns(line) == columns(&tally.row(Series::V6_1, ""))));
    }
}
