//! `cargo xtask fuzz`: tries inputs that nobody has thought of.

use crate::fuzz;
use crate::shell;
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use clap::Args;
use std::process::{Command, Stdio};

/// Options of `cargo xtask fuzz`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Run only this target
    target: Option<String>,
    /// Minutes that each target runs
    #[arg(long, default_value_t = 5.0)]
    minutes: f64,
}

/// Runs the command.
///
/// # Errors
/// When something is missing, a target does not build, or one finds a failure.
pub(crate) fn run(ws: &Workspace, options: &Options) -> Result<()> {
    let all = fuzz::targets(ws)?;
    let targets: Vec<String> = match &options.target {
        Some(name) if !all.contains(name) => bail!("no target `{name}`; there are {}", all.join(", ")),
        Some(name) => vec![name.clone()],
        None => all,
    };
    let host = fuzz::build(ws, &targets)?;
    let seconds = (options.minutes.max(0.0) * 60.0).ceil() as u64;
    let mut failed = Vec::new();
    for target in &targets {
        println!("fuzz: {target} for {seconds} s");
        let mut command = fuzz::command(ws, &host, target, seconds.max(1))?;
        match inputs(&mut command)? {
            Ok(inputs) => println!("fuzz: {target}: {inputs} inputs, no failure"),
            Err(report) => {
                println!("{report}");
                failed.push(target.clone());
            }
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => bail!("failures in {}; the inputs are in target/ringfence-work/fuzz", failed.join(", ")),
    }
}

/// Runs a target, and returns how many inputs it tried, or the end of its report if one failed.
fn inputs(command: &mut Command) -> Result<Result<u64, String>> {
    let line = shell::words(command);
    let out = command.stdin(Stdio::null()).output()?;
    let report = String::from_utf8_lossy(&out.stderr);
    if !out.status.success() {
        let lines: Vec<&str> = report.lines().collect();
        let end = lines.get(lines.len().saturating_sub(40)..).unwrap_or_default().join("\n");
        return Ok(Err(format!("`{line}` failed: {}\n{end}", out.status)));
    }
    let count = report.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    Ok(Ok(count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)))
}
