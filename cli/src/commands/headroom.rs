//! `ringfence headroom`.

use ringfence::pipeline;

use super::{Outcome, tree};
use crate::args::{Headroom, Plain};
use crate::failure::Failure;
use crate::memmap::chart::Chart;
use crate::memmap::headroom;
use crate::project::job::Job;
use crate::{draw, terminal};

pub(super) fn run(args: &Headroom) -> Result<Outcome, Failure> {
    let job = Job::from_args(&args.boot)?;
    let (job, dtb) = tree::read(&job, &args.input)?;
    let surveyed = pipeline::survey(&dtb, job.context()).map_err(|error| Failure::of(&args.input, error))?;
    let chart = Chart::of(surveyed.analysis());
    let rooms = headroom::rooms(&chart);
    terminal::out(&match args.format {
        Plain::Human => draw::headroom::human(&chart, &rooms),
        Plain::Json => draw::headroom::json(&args.input.display().to_string(), &rooms),
    })?;
    Ok(Outcome::Clean)
}
