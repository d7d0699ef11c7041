//! `ringfence diff`.

mod directories;

use std::path::Path;

use ringfence::fdt::Tree;
use ringfence::pipeline::Surveyed;

use super::{Outcome, tree};
use crate::args::{Diff, DiffFormat};
use crate::draw::{self, Fixed, Picture, changes};
use crate::failure::Failure;
use crate::memmap::chart::Chart;
use crate::memmap::compare::{self, Change, Labels};
use crate::project::job::Job;
use crate::{input, terminal};

pub(super) fn run(args: &Diff) -> Result<Outcome, Failure> {
    let job = Job::from_args(&args.boot)?;
    match (directories::is_one(&args.old), directories::is_one(&args.new)) {
        (true, true) => return directories::run(args, &job),
        (false, false) => {}
        (is_old, _) => {
            let (one, other) = if is_old { (&args.old, &args.new) } else { (&args.new, &args.old) };
            let why = format!("a directory, and {} is not one", other.display());
            return Err(Failure::of(one, why).with_help("compare two directories, or two trees"));
        }
    }
    if input::is_stdin(&args.old) && input::is_stdin(&args.new) {
        return Err(Failure::new("only one of the two trees can come from stdin"));
    }
    let Compared { old: before, new: chart, changes } = Pair::read(&job, &args.old, &args.new)?.compare()?;
    let (old, new) = (args.old.display().to_string(), args.new.display().to_string());
    let picture = |draw: fn(&Picture<'_>) -> String| {
        let path = format!("{old} and {new}");
        let fixed = Fixed { chart, changes: changes.clone(), repairs: Vec::new() };
        let titles = ["before the change", "after the change"];
        let shown = Picture {
            path: &path,
            before: &before,
            fixed: Some(&fixed),
            titles,
            findings: &[],
            with_free: false,
        };
        draw(&shown)
    };
    let text = match args.format {
        DiffFormat::Human => changes::human(&changes, &args.fail_on),
        DiffFormat::Json => changes::json(&old, &new, &changes, &args.fail_on),
        DiffFormat::Svg => picture(draw::picture),
        DiffFormat::Html => picture(draw::page),
    };
    terminal::out(&text)?;
    let failed = changes.iter().any(|change| args.fail_on.contains(&change.kind));
    Ok(if failed { Outcome::Findings } else { Outcome::Clean })
}

/// Two trees, each with the facts of its boot.
struct Pair<'p> {
    old: (&'p Path, Job, Vec<u8>),
    new: (&'p Path, Job, Vec<u8>),
}

impl<'p> Pair<'p> {
    fn read(job: &Job, old: &'p Path, new: &'p Path) -> Result<Self, Failure> {
        let ((old_job, old_dtb), (new_job, new_dtb)) = (tree::read(job, old)?, tree::read(job, new)?);
        Ok(Self { old: (old, old_job, old_dtb), new: (new, new_job, new_dtb) })
    }

    fn changes(&self) -> Result<Vec<Change>, Failure> {
        Ok(self.compare()?.changes)
    }

    fn compare(&self) -> Result<Compared, Failure> {
        let ((old_path, old_job, old), (new_path, new_job, new)) = (&self.old, &self.new);
        let old_tree = Tree::parse(old).map_err(|error| Failure::of(old_path, error))?;
        let new_tree = Tree::parse(new).map_err(|error| Failure::of(new_path, error))?;
        let labels = Labels::of(&old_tree, &new_tree);
        let chart = |job: &Job, tree| Chart::of(Surveyed::of(tree, job.context()).analysis());
        let (old, new) = (chart(old_job, old_tree), chart(new_job, new_tree));
        let changes = compare::changes(&old, &new, &labels);
        Ok(Compared { old, new, changes })
    }
}

/// Two maps, and what changed from one to the other.
struct Compared {
    old: Chart,
    new: Chart,
    changes: Vec<Change>,
}
