//! `ringfence diff`.

use ringfence::fdt::Tree;
use ringfence::pipeline::Surveyed;

use super::{Outcome, tree};
use crate::args::{Diff, Plain};
use crate::draw::changes;
use crate::failure::Failure;
use crate::memmap::chart::Chart;
use crate::memmap::compare::{self, Labels};
use crate::project::job::Job;
use crate::{input, terminal};

pub(super) fn run(args: &Diff) -> Result<Outcome, Failure> {
    let job = Job::from_args(&args.boot)?;
    if input::is_stdin(&args.old) && input::is_stdin(&args.new) {
        return Err(Failure::new("only one of the two trees can come from stdin"));
    }
    let ((old_job, old), (new_job, new)) = (tree::read(&job, &args.old)?, tree::read(&job, &args.new)?);
    let parse = |path, dtb| Tree::parse(dtb).map_err(|error| Failure::of(path, error));
    let (old_tree, new_tree) = (parse(&args.old, &old)?, parse(&args.new, &new)?);
    let labels = Labels::of(&old_tree, &new_tree);
    let chart = |job: &Job, tree| Chart::of(Surveyed::of(tree, job.context()).analysis());
    let changes = compare::changes(&chart(&old_job, old_tree), &chart(&new_job, new_tree), &labels);
    let text = match args.format {
        Plain::Human => changes::human(&changes, &args.fail_on),
        Plain::Json => {
            let (old, new) = (args.old.display().to_string(), args.new.display().to_string());
            changes::json(&old, &new, &changes, &args.fail_on)
        }
    };
    terminal::out(&text)?;
    let failed = changes.iter().any(|change| args.fail_on.contains(&change.kind));
    Ok(if failed { Outcome::Findings } else { Outcome::Clean })
}
