//! `cargo xtask matrix`: boots Linux in every way that makes sense, and prints the table.

use crate::chain::{BoardConfig, BootConfig, Loader, PayloadForm};
use crate::machine::Level;
use crate::parallel;
use crate::setup::{Consent, Series};
use crate::test_bed::TestBed;
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use clap::Args;
use std::time::Instant;

/// Options of `cargo xtask matrix`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Run only the boots whose name holds this text
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
    let mut links = every();
    if let Some(wanted) = &options.only {
        links.retain(|link| link.to_string().contains(wanted.as_str()));
    }
    if options.list {
        links.iter().for_each(|link| println!("{link}"));
        return Ok(());
    }
    let consent = if options.no_install { Consent::Forbidden } else { Consent::Install };
    let bench = TestBed::set_up(ws, consent, &[])?;
    let started = Instant::now();
    let failed = boot_all(&bench, &links);
    let minutes = started.elapsed().as_secs_f64() / 60.0;
    println!("\n{} boots in {minutes:.0} minutes, {failed} failed", links.len());
    if failed > 0 {
        bail!("{failed} of {} boots failed", links.len());
    }
    Ok(())
}

/// Every combination that makes sense.
fn every() -> Vec<BootConfig> {
    let mut links = Vec::new();
    for loader in [Loader::Qemu, Loader::UBoot] {
        for model in BoardConfig::ALL {
            for form in PayloadForm::ALL {
                for level in [Level::El1, Level::El2] {
                    for series in Series::ALL {
                        links.push(BootConfig { loader, form, model, level, series });
                    }
                }
            }
        }
    }
    links.retain(BootConfig::makes_sense);
    links
}

/// Boots all, prints a line of the table for each as it ends, and counts what failed.
fn boot_all(bench: &TestBed, links: &[BootConfig]) -> usize {
    println!("| boot | seconds | seen |\n|---|---|---|");
    let results = parallel::each(links, parallel::AT_A_TIME, |link| {
        let started = Instant::now();
        let result = link.boot(bench, &format!("matrix-{link}"));
        let failed = result.is_err();
        let seen = result.unwrap_or_else(|error| format!("FAILED: {error:#}").replace('\n', " "));
        println!("| {link} | {:.0} | {seen} |", started.elapsed().as_secs_f64());
        failed
    });
    results.into_iter().filter(|&failed| failed).count()
}
