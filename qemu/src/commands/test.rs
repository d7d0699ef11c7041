//! `cargo xtask test`: everything, from unit tests to boots of real Linux.

use crate::cases::{self, Case};
use crate::parallel;
use crate::seeds;
use crate::setup::{self, Consent, Need, Series};
use crate::shell::{find_program, run as run_command};
use crate::test_bed::TestBed;
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use clap::Args;
use std::process::Command;
use std::time::{Duration, Instant};

/// Options of `cargo xtask test`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Run only the boots whose name contains this text
    #[arg(long)]
    boot: Option<String>,
    /// Check the invariants on this many cases of each seed and on more fresh seeds, and run the boots that
    /// repeat others under other conditions, and those of the kernel `built`, which is built if it is missing
    #[arg(long, value_name = "CASES", num_args = 0..=1, default_missing_value = "60000")]
    long: Option<u32>,
    /// Install and fetch nothing
    #[arg(long)]
    no_install: bool,
}

/// How one test ended.
struct Outcome {
    name: String,
    result: Result<String>,
    took: Duration,
}

/// Runs the command.
///
/// # Errors
/// When set-up or a build fails, or when a test does.
pub(crate) fn run(ws: &Workspace, options: &Options) -> Result<()> {
    let consent = if options.no_install { Consent::Forbidden } else { Consent::Install };
    let mut needs = Need::of_tests();
    let built = Need::Kernel(Series::BUILT);
    let with_built = options.long.is_some() || built.is_met(ws);
    if with_built {
        needs.extend([built, Need::CrossCc]);
    }
    let bed = TestBed::set_up(ws, consent, &needs)?;
    // What does not build fails once, and not in each boot. Chosen boots build what they need.
    if options.boot.is_none() {
        bed.stage()?;
        bed.tool()?;
    }

    let mut outcomes = Vec::new();
    if options.boot.is_none() {
        for (name, command) in host_tests(ws) {
            outcomes.push(timed(name, command, run_command));
        }
        for (name, command) in seeds::runs(ws, options.long) {
            outcomes.push(timed(&name, command, run_command));
        }
    }
    let mut boots = cases::all(ws)?;
    if with_built {
        boots.extend(cases::of_built());
    }
    match &options.boot {
        Some(wanted) => boots.retain(|case| case.name.contains(wanted.as_str())),
        None => boots.retain(|case| options.long.is_some() || !case.is_long),
    }
    outcomes.extend(boot_all(&bed, &boots)?);
    report(ws, &outcomes)
}

/// Returns the host's tests, those in documentation beside them: nextest does not run these.
fn host_tests(ws: &Workspace) -> Vec<(&'static str, Command)> {
    let packages =
        ["ringfence", "ringfence-cli", "ringfence-boot", "ringfence-efi", "ringfence-sentinel", "xtask"];
    let mut tests = ws.cargo();
    if find_program("cargo-nextest").is_some() {
        tests.args(["nextest", "run", "--status-level", "fail", "--final-status-level", "fail"]);
        // A package without tests is not a failure.
        tests.args(["--no-tests=pass", "--no-fail-fast"]);
    } else {
        tests.args(["test", "--quiet"]);
    }
    let mut docs = ws.cargo();
    docs.args(["test", "--quiet", "--doc"]);
    for package in packages {
        tests.args(["--package", package]);
    }
    docs.args(["--package", "ringfence"]);
    for command in [&mut tests, &mut docs] {
        command.env("RINGFENCE_CORPUS", setup::corpus(ws));
        // Set-up has brought it in, so a browser test that cannot run is a failure here.
        command.env("RINGFENCE_NEED_CHROMIUM", "1");
    }
    vec![("host-tests", tests), ("host-doc-tests", docs)]
}

fn timed(name: &str, mut command: Command, run: impl Fn(&mut Command) -> Result<()>) -> Outcome {
    eprintln!("test: {name}");
    let started = Instant::now();
    let result = run(&mut command).map(|()| String::from("all pass"));
    Outcome { name: name.into(), result, took: started.elapsed() }
}

/// Runs the boots side by side and returns their outcomes in the given order.
fn boot_all(bed: &TestBed, cases: &[Case]) -> Result<Vec<Outcome>> {
    parallel::each(cases, parallel::AT_A_TIME, |case| {
        let started = Instant::now();
        let result = (case.run)(bed, &case.name);
        let outcome = Outcome { name: case.name.clone(), result, took: started.elapsed() };
        eprintln!("test: {} {}", outcome.name, word(&outcome));
        outcome
    })
}

/// Prints the table and the closing line; an error when a test failed.
fn report(ws: &Workspace, outcomes: &[Outcome]) -> Result<()> {
    println!();
    for outcome in outcomes {
        let seen = match &outcome.result {
            Ok(seen) => seen.clone(),
            Err(error) => format!("{error:#}").lines().next().unwrap_or_default().to_owned(),
        };
        let seconds = outcome.took.as_secs_f64();
        println!("{:<4} {:<42} {seconds:>6.1} s  {seen}", word(outcome), outcome.name);
    }
    let efi = outcomes.iter().filter(|outcome| outcome.name.starts_with("efi-"));
    let (boots, took) = efi.fold((0, Duration::ZERO), |(n, all), outcome| (n + 1, all + outcome.took));
    if boots > 0 {
        println!("\n{boots} boots by EFI, {:.0} s if one followed the other", took.as_secs_f64());
    }
    for outcome in outcomes {
        if let Err(error) = &outcome.result {
            let log = ws.scratch_file("logs", &outcome.name, "log")?;
            println!("\n{} failed: {error:#}", outcome.name);
            if log.is_file() {
                println!("its console: {}", log.display());
            }
        }
    }
    let failed = outcomes.iter().filter(|outcome| outcome.result.is_err()).count();
    println!("\n{} passed, {failed} failed", outcomes.len() - failed);
    if outcomes.is_empty() {
        bail!("no test has such a name; those of the kernel `built` need --long, or `cargo xtask kernels`");
    }
    if failed > 0 {
        bail!("{failed} of {} tests failed", outcomes.len());
    }
    Ok(())
}

fn word(outcome: &Outcome) -> &'static str {
    if outcome.result.is_ok() { "ok" } else { "FAIL" }
}
