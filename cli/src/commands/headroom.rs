//! `ringfence headroom`.

use ringfence::pipeline;

use super::{Outcome, tree};
use crate::args::{Headroom, Plain};
use crate::chart::Chart;
use crate::failure::Failure;
use crate::job::Job;
use crate::{headroom, say};

pub(super) fn run(args: &Headroom) -> Result<Outcome, Failure> {
    let job = Job::from_args(&args.boot)?;
    let (job, dtb) = tree::read(&job, &args.input)?;
    let surveyed = pipeline::survey(&dtb, job.context()).map_err(|error| Failure::of(&args.input, error))?;
    let chart = Chart::of(surveyed.tree(), surveyed.map(), job.context());
    let rooms = headroom::rooms(&chart);
    say::out(&match args.format {
        Plain::Human => headroom::human(&chart, &rooms),
        Plain::Json => headroom::json(&args.input.display().to_string(), &rooms),
    })?;
    Ok(Outcome::Clean)
}
