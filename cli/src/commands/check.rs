//! `ringfence check`.

use std::path::Path;

use rayon::prelude::*;
use ringfence::pipeline;

use super::Outcome;
use crate::args::Check;
use crate::failure::Failure;
use crate::job::Job;
use crate::report::{self, Counts, Report};
use crate::{input, map, output, say};

pub(super) fn run(args: &Check) -> Result<Outcome, Failure> {
    let job = Job::from_args(&args.boot)?;
    let paths = input::gather(&args.inputs)?;
    // Results come back in the order of the inputs, whichever was done first.
    let results: Vec<Result<Report, Failure>> = paths.par_iter().map(|path| judge(&job, path)).collect();
    let mut reports = Vec::new();
    let mut unusable = false;
    for result in results {
        match result {
            Ok(report) => reports.push(report),
            Err(failure) => {
                say::err(&format!("{}\n", failure.render()));
                unusable = true;
            }
        }
    }
    if !reports.is_empty() {
        say::out(&output::render(args.format, &reports))?;
    }
    if unusable {
        return Ok(Outcome::Unusable);
    }
    let failed = Counts::of(&reports).reach(args.fail_on.into());
    Ok(if failed { Outcome::Findings } else { Outcome::Clean })
}

/// Read and judge one input.
pub(super) fn judge(job: &Job, path: &Path) -> Result<Report, Failure> {
    let dtb = job.effective(input::read(path)?).map_err(|error| Failure::of(path, error))?;
    let context = job.context();
    let judged = pipeline::survey(&dtb, context).map_err(|error| Failure::of(path, error))?.judge();
    let surveyed = judged.surveyed();
    Ok(Report {
        path: path.display().to_string(),
        findings: report::show(surveyed.tree(), judged.findings()),
        map: map::entries(surveyed.tree(), surveyed.map(), context.facts),
        repairs: Vec::new(),
    })
}
