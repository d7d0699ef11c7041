//! `ringfence fix`.

mod repair;
mod source;

use std::path::Path;

use ringfence::finding::Severity;

use self::repair::{Repaired, repair};
use super::{Outcome, judge};
use crate::args::Fix;
use crate::failure::Failure;
use crate::input::{self, Container, Input, Opened, is_stdin};
use crate::project::job::Job;
use crate::report::formats::{Results, Verbosity};
use crate::report::{Report, diff};
use crate::{terminal, write_out};

pub(super) fn run(args: &Fix) -> Result<Outcome, Failure> {
    refuse_targets(args)?;
    let mut job = Job::from_args(&args.boot)?;
    if args.permit_all {
        job.permit_all();
    }
    let (mut reports, mut diffs, mut outcomes) = (Vec::new(), Vec::new(), Vec::new());
    for path in &job.named(&args.inputs) {
        match file(args, &job, path) {
            Ok(fixed) => {
                reports.extend(fixed.reports);
                diffs.extend(fixed.diff);
                outcomes.push(fixed.outcome);
            }
            Err(failure) => {
                terminal::err(&format!("{}\n", failure.render()));
                let path = path.display().to_string();
                reports.push(Report::unreadable(path.clone(), path, failure));
                outcomes.push(Outcome::Unusable);
            }
        }
    }
    let results = Results {
        reports: &reports,
        limit: Some(Severity::Error),
        verbosity: if args.inputs.len() > 1 { Verbosity::Normal } else { Verbosity::Verbose },
        statistics_follow: false,
    };
    print(args, &args.format.render(&results))?;
    for diff in &diffs {
        match diff {
            Diff::Tree(text) => print(args, text)?,
            Diff::Source(patch) => terminal::patch(patch, args.output.as_deref().is_some_and(is_stdin))?,
        }
    }
    let worst = [Outcome::Unusable, Outcome::NotFixed, Outcome::Findings];
    Ok(worst.into_iter().find(|outcome| outcomes.contains(outcome)).unwrap_or(Outcome::Clean))
}

/// A file, repaired or not.
struct Fixed {
    /// One for each tree.
    reports: Vec<Report>,
    /// What changed, if that is to be shown.
    diff: Vec<Diff>,
    outcome: Outcome,
}

/// Repairs every tree of a file, and writes the file with the repaired trees.
fn file(args: &Fix, job: &Job, path: &Path) -> Result<Fixed, Failure> {
    // The tree goes into a product, so it gets no symbols that the product's build would not give it.
    let options = input::Options { bare: !job.names_labels(), ..job.options(path)? };
    let Opened { container, trees } = input::open(path, &options)?;
    if args.in_place && matches!(container, Container::Merged) {
        return Err(refuse_overlay(path));
    }
    let inputs = trees.into_iter().map(|loaded| loaded.tree).collect::<Result<Vec<_>, _>>()?;
    let repaired: Vec<Repaired> = inputs.iter().map(|input| repair(job, input)).collect::<Result<_, _>>()?;
    let refused = repaired.iter().any(|repaired| repaired.dtb.is_none());
    let mut fixed = Fixed { reports: Vec::new(), diff: Vec::new(), outcome: Outcome::Clean };
    if refused {
        fixed.outcome = Outcome::NotFixed;
    } else {
        let written = match &container {
            Container::Source { bytes } => match (inputs.as_slice(), repaired.as_slice()) {
                ([input], [repaired]) => source::edited(args, job, &options, bytes, input, repaired)?,
                _ => None,
            },
            _ => Some(bytes(path, &container, &inputs, &repaired)?),
        };
        match written {
            None => {
                fixed.outcome = Outcome::NotFixed;
                let judged = inputs.into_iter().map(|input| judge::one(job, input));
                fixed.reports = judged.collect::<Result<_, _>>()?;
                return Ok(fixed);
            }
            Some(Written { bytes, diff }) => {
                if let Some(target) = if args.in_place { Some(path) } else { args.output.as_deref() } {
                    write(args, path, target, &bytes)?;
                }
                if args.diff {
                    fixed.diff = diff;
                }
                // Only `on-error = "continue"` accepts a tree with errors left: it is written, but not clean.
                if repaired.iter().any(|repaired| repaired.has_errors) {
                    fixed.outcome = Outcome::Findings;
                }
            }
        }
    }
    fixed.reports = repaired.into_iter().map(|repaired| repaired.report).collect();
    Ok(fixed)
}

fn write(args: &Fix, input: &Path, target: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if args.in_place {
        return write_out::overwrite(target, bytes);
    }
    let is_input = input::record::name_of(target).is_some_and(|name| name == input);
    write_out::write(target, bytes).map_err(|failure| match is_input {
        true => failure.with_help("use --in-place to overwrite INPUT"),
        false => failure,
    })
}

/// What is written, and how it differs from the input.
struct Written {
    bytes: Vec<u8>,
    diff: Vec<Diff>,
}

/// How something differs from the input.
enum Diff {
    /// A tree, as lines of source.
    Tree(String),
    /// A source, as a patch in the bytes of the source.
    Source(Vec<u8>),
}

/// Returns the file with the repaired trees in their places.
fn bytes(
    path: &Path,
    container: &Container,
    inputs: &[Input],
    repaired: &[Repaired],
) -> Result<Written, Failure> {
    let (mut changed, mut text) = (Vec::new(), String::new());
    for (input, repaired) in inputs.iter().zip(repaired) {
        let new = repaired.dtb.as_deref().unwrap_or_default();
        text += &diff::render(&input.name, &input.dtb, new).map_err(|error| Failure::of(path, error))?;
        changed.push((!input.dtb.starts_with(new)).then(|| new.to_vec()));
    }
    let original = inputs.first().map_or(&[][..], |input| &input.dtb);
    let bytes = container.with(original, &changed);
    let bytes = bytes.map_err(|why| {
        Failure::of(path, format!("the repaired tree cannot be put back: {why}"))
            .with_help(by_hand(path, container))
    })?;
    Ok(Written { bytes, diff: vec![Diff::Tree(text)] })
}

/// What to do about a file that takes no other tree.
fn by_hand(path: &Path, container: &Container) -> String {
    let path = path.display();
    match container {
        Container::Bundle { .. } => {
            format!("`ringfence unpack {path} -o parts`, repair the parts, and `ringfence pack` them")
        }
        Container::Android { .. } => format!(
            "`ringfence unpack {path} -o parts` extracts the trees: repair them, and make the image again \
             with mkbootimg or mkdtboimg"
        ),
        _ => format!("`ringfence unpack {path} -o parts` extracts the tree"),
    }
}

/// Refuses targets that would lose something: an input that was not meant to be overwritten, or a file of
/// another kind than the input.
fn refuse_targets(args: &Fix) -> Result<(), Failure> {
    if let (Some(output), [input]) = (&args.output, args.inputs.as_slice()) {
        let is = |path: &Path, ending| path.extension().is_some_and(|extension| extension == ending);
        let is_plain = args.boot.overlay.is_empty() && args.boot.loader_dtb.is_none();
        if is(input, "dts") && is(output, "dtb") && is_plain {
            return Err(Failure::of(input, "this is source, so the repaired file is source, and no .dtb")
                .with_help("name OUT .dts, or repair the blob: dtc INPUT | ringfence fix - -o OUT"));
        }
    }
    if args.output.is_some() && args.inputs.len() > 1 {
        return Err(Failure::new("-o OUT takes one INPUT").with_help("use --in-place or --diff for several"));
    }
    for input in args.inputs.iter().filter(|_| args.in_place) {
        if args.boot.base.is_some() || !args.boot.overlay.is_empty() {
            return Err(refuse_overlay(input));
        }
        if args.boot.loader_dtb.is_some() {
            let why = "the repaired tree has the loader's merged into it, so it cannot replace this file";
            return Err(Failure::of(input, why).with_help("use -o OUT"));
        }
        if is_stdin(input) {
            return Err(Failure::of(input, "stdin cannot be repaired in place").with_help("use -o OUT"));
        }
    }
    Ok(())
}

fn refuse_overlay(input: &Path) -> Failure {
    let why = "the repaired tree has the overlays applied, so it cannot replace this file";
    Failure::of(input, why).with_help("use -o OUT")
}

/// Prints to stdout, unless the tree goes there.
fn print(args: &Fix, text: &str) -> Result<(), Failure> {
    if args.output.as_deref().is_some_and(is_stdin) {
        terminal::err(text);
        return Ok(());
    }
    terminal::out(text)
}
