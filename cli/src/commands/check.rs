//! `ringfence check`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{Outcome, judge};
use crate::args::Check;
use crate::failure::Failure;
use crate::project::adjust;
use crate::project::baseline::{self, Baseline};
use crate::project::date::{self, Date};
use crate::project::job::Job;
use crate::report::formats::{self, Results};
use crate::report::{Counts, Report};
use crate::terminal::progress::Progress;
use crate::terminal::style::WARNING;
use crate::{input, terminal, write_out};

pub(super) fn run(args: &Check) -> Result<Outcome, Failure> {
    let job = Job::from_args(&args.boot)?;
    let known = match &args.baseline {
        Some(path) if !args.write_baseline => Some(Baseline::load(path)?),
        _ => None,
    };
    let paths = match args.inputs.as_slice() {
        [] => input::gather(&inputs(&job)?)?,
        named => input::gather(named)?,
    };
    if let (Some(path), true) = (&args.baseline, args.write_baseline) {
        write_out::keep_apart(path, paths.iter().map(PathBuf::as_path))?;
    }
    let today = date::today();
    let progress = Progress::new(paths.len());
    // The results are in the order of the inputs.
    let judged = paths.par_iter().map(|path| {
        let reports = file(&job, path, known.as_ref(), today);
        progress.step();
        reports
    });
    let results: Vec<Result<Vec<Report>, Failure>> = judged.collect();
    drop(progress);
    let mut reports = Vec::new();
    let mut unusable = false;
    let mut told = BTreeSet::new();
    for result in results {
        match result {
            Ok(more) => reports.extend(more),
            // A broken configuration is one failure, however many inputs it applies to.
            Err(failure) => {
                let text = failure.render();
                if told.insert(text.clone()) {
                    terminal::err(&format!("{text}\n"));
                }
                unusable = true;
            }
        }
    }
    warn(&reports);
    if let (Some(path), true) = (&args.baseline, args.write_baseline) {
        let count = baseline::write(path, &reports)?;
        let findings = if count == 1 { "finding" } else { "findings" };
        terminal::err(&format!("{}: {count} {findings} written\n", path.display()));
        return Ok(if unusable { Outcome::Unusable } else { Outcome::Clean });
    }
    if !reports.is_empty() {
        let results = Results { reports: &reports, limit: args.fail_on.into() };
        terminal::out(&args.format.render(&results))?;
        if args.statistics {
            let text = formats::statistics(&reports);
            // Stdout is one document.
            if args.format.is_document { terminal::err(&text) } else { terminal::out(&text)? }
        }
    }
    if unusable {
        return Ok(Outcome::Unusable);
    }
    let failed = Counts::of(&reports).reach(args.fail_on.into());
    Ok(if failed { Outcome::Findings } else { Outcome::Clean })
}

/// Returns the inputs that the project of the working directory names.
fn inputs(job: &Job) -> Result<Vec<PathBuf>, Failure> {
    // The configuration for stdin is that of the working directory.
    let config = job.config_for(Path::new("-"))?.ok_or_else(|| {
        Failure::new("no INPUT given")
            .with_help("name a device tree or a directory, or set `inputs` in a ringfence.toml")
    })?;
    config.inputs()
}

/// Judges one file, and applies its configuration and the baseline.
fn file(job: &Job, path: &Path, known: Option<&Baseline>, today: Date) -> Result<Vec<Report>, Failure> {
    let config = job.config_for(path)?;
    let mut reports = judge::file(job, path)?;
    for report in &mut reports {
        if let Some(config) = &config {
            adjust::by_config(report, config, path, today);
        }
        if let Some(known) = known {
            adjust::by_baseline(report, known);
        }
    }
    Ok(reports)
}

/// Prints the warnings of the configurations, each once.
fn warn(reports: &[Report]) {
    let mut told = BTreeSet::new();
    for warning in reports.iter().flat_map(|report| &report.warnings) {
        if told.insert(warning) {
            terminal::err(&format!("{WARNING}warning{WARNING:#}: {warning}\n"));
        }
    }
}
