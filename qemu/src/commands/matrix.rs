//! `cargo xtask matrix`: boots Linux in every way that makes sense, and prints the table.

use crate::boards;
use crate::cases::{self, Case};
use crate::chain::{BootConfig, Loader, PayloadForm};
use crate::machine::Level;
use crate::parallel;
use crate::setup::{Consent, Need, Series};
use crate::test_bed::TestBed;
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use clap::Args;
use std::time::Instant;

/// Options of `cargo xtask matrix`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Run only the boots whose name contains this text
    #[arg(long)]
    only: Option<String>,
    /// Print the names and boot nothing
    #[arg(long)]
    list: bool,
    /// Install and fetch nothing
    #[arg(long)]
    no_install: bool,
}

/// Runs the command.
///
/// # Errors
/// When set-up or a build fails, or a boot is not as promised.
pub(crate) fn run(ws: &Workspace, options: &Options) -> Result<()> {
    let mut boots: Vec<Case> = every().into_iter().map(case).chain(cases::efi_matrix()).collect();
    if let Some(wanted) = &options.only {
        boots.retain(|boot| boot.name.contains(wanted.as_str()));
    }
    if options.list {
        boots.iter().for_each(|boot| println!("{}", boot.name));
        return Ok(());
    }
    let consent = if options.no_install { Consent::Forbidden } else { Consent::Install };
    let bed = TestBed::set_up(ws, consent, &Need::of_boots())?;
    // What does not build fails once, and not in each boot.
    bed.stage()?;
    bed.tool()?;
    let started = Instant::now();
    let failed = boot_all(&bed, &boots)?;
    let minutes = started.elapsed().as_secs_f64() / 60.0;
    println!("\n{} boots in {minutes:.0} minutes, {failed} failed", boots.len());
    if failed > 0 {
        bail!("{failed} of {} boots failed", boots.len());
    }
    Ok(())
}

/// Returns every combination that makes sense.
fn every() -> Vec<BootConfig> {
    let mut configs = Vec::new();
    for loader in [Loader::Qemu, Loader::UBoot] {
        for &board in boards::ALL {
            for form in PayloadForm::ALL {
                for level in [Level::El1, Level::El2] {
                    for series in Series::ALL {
                        configs.push(BootConfig { loader, form, board, level, series });
                    }
                }
            }
        }
    }
    configs.retain(BootConfig::makes_sense);
    configs
}

fn case(config: BootConfig) -> Case {
    Case::new(config.to_string(), move |bed, name| config.boot(bed, name))
}

/// Boots all, prints a line of the table for each as it ends, and counts what failed.
fn boot_all(bed: &TestBed, boots: &[Case]) -> Result<usize> {
    println!("| boot | seconds | seen |\n|---|---|---|");
    let results = parallel::each(boots, parallel::AT_A_TIME, |boot| {
        let started = Instant::now();
        let result = (boot.run)(bed, &format!("matrix-{}", boot.name));
        let failed = result.is_err();
        let seen = result.unwrap_or_else(|error| format!("FAILED: {error:#}").replace('\n', " "));
        println!("| {} | {:.0} | {seen} |", boot.name, started.elapsed().as_secs_f64());
        failed
    })?;
    Ok(results.into_iter().filter(|&failed| failed).count())
}
