//! `ringfence map`.

use super::{Outcome, check};
use crate::args::{Format, Map};
use crate::failure::Failure;
use crate::job::Job;
use crate::{map, output, say};

pub(super) fn run(args: &Map) -> Result<Outcome, Failure> {
    let job = Job::from_args(&args.boot)?;
    let report = check::judge(&job, &args.input)?;
    let free = args.free.then(|| map::free(&report.map));
    let text = match args.format {
        Format::Human => output::map(&report.map, free.as_deref()),
        Format::Json => output::render(args.format, &[report]),
    };
    say::out(&text)?;
    Ok(Outcome::Clean)
}
