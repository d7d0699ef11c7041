//! `ringfence fix`.

use std::path::Path;

use ringfence::fdt::Tree;
use ringfence::finding::{Finding, Severity};
use ringfence::pipeline::{self, Context};
use ringfence::policy::OnError;
use ringfence::prove::{Proven, Refusal};

use super::{Outcome, judge};
use crate::args::Fix;
use crate::failure::Failure;
use crate::input::{self, Container, Input, Opened, Options, is_stdin};
use crate::memmap::entries;
use crate::project::job::Job;
use crate::project::kernel;
use crate::report::formats::{Results, Verbosity};
use crate::report::{Report, diff, source_edit};
use crate::terminal::style::ERROR;
use crate::{terminal, write_out};

pub(super) fn run(args: &Fix) -> Result<Outcome, Failure> {
    refuse_targets(args)?;
    let mut job = Job::from_args(&args.boot)?;
    if args.permit_all {
        job.permit_all();
    }
    let (mut reports, mut diffs, mut outcomes) = (Vec::new(), String::new(), Vec::new());
    for path in &job.named(&args.inputs) {
        match file(args, &job, path) {
            Ok(fixed) => {
                reports.extend(fixed.reports);
                diffs += &fixed.diff;
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
    };
    print(args, &args.format.render(&results))?;
    print(args, &diffs)?;
    let worst = [Outcome::Unusable, Outcome::NotFixed, Outcome::Findings];
    Ok(worst.into_iter().find(|outcome| outcomes.contains(outcome)).unwrap_or(Outcome::Clean))
}

/// A file, repaired or not.
struct Fixed {
    /// One for each tree.
    reports: Vec<Report>,
    /// What changed, if that is to be shown.
    diff: String,
    outcome: Outcome,
}

/// Repairs every tree of a file, and writes the file with the repaired trees.
fn file(args: &Fix, job: &Job, path: &Path) -> Result<Fixed, Failure> {
    // The tree goes into a product, so it gets no symbols that the product's build would not give it.
    let options = Options { bare: !job.names_labels(), ..job.options(path)? };
    let Opened { container, trees } = input::open(path, &options)?;
    let inputs = trees.into_iter().map(|loaded| loaded.tree).collect::<Result<Vec<_>, _>>()?;
    let repaired: Vec<Repaired> = inputs.iter().map(|input| repair(job, input)).collect::<Result<_, _>>()?;
    let refused = repaired.iter().any(|repaired| repaired.dtb.is_none());
    let mut fixed = Fixed { reports: Vec::new(), diff: String::new(), outcome: Outcome::Clean };
    if refused {
        fixed.outcome = Outcome::NotFixed;
    } else {
        let written = match &container {
            Container::Source { bytes } => source(args, job, &options, bytes, &inputs, &repaired)?,
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
    diff: String,
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
            .with_help("`unpack` the bundle, repair its parts, and `pack` them")
    })?;
    Ok(Written { bytes, diff: text })
}

/// Returns the source with the repairs in it, or `None` when some must be made by hand: these are printed.
fn source(
    args: &Fix,
    job: &Job,
    options: &Options,
    text: &[u8],
    inputs: &[Input],
    repaired: &[Repaired],
) -> Result<Option<Written>, Failure> {
    let ([input], [repaired]) = (inputs, repaired) else { return Ok(None) };
    let (path, name) = (&input.path, &input.name);
    let unreadable = |error| Failure::of(path, error);
    let positions = input.positions.as_ref().ok_or_else(|| {
        Failure::of(path, "dtc does not report places in the source")
            .with_help("install a newer device tree compiler, or repair the .dtb")
    })?;
    let file = if is_stdin(path) { "-" } else { name.as_str() };
    let old_text = str::from_utf8(text).map_err(|_| {
        Failure::of(path, "cannot be edited: it is not UTF-8").with_help("iconv -f latin1 -t utf-8 INPUT")
    })?;
    let new = repaired.dtb.as_deref().unwrap_or_default();
    let (old, new) = (Tree::parse(&input.dtb), Tree::parse(new));
    let (old, new) = (old.map_err(unreadable)?, new.map_err(unreadable)?);
    let by_hand = match source_edit::edit(positions, file, old_text, &old, &new) {
        Ok(text) => match settled(job, path, &text, options)? {
            true => {
                let diff = diff::patch(name, old_text, &text);
                return Ok(Some(Written { bytes: text.into_bytes(), diff }));
            }
            false => vec!["what macros or included files say".to_owned()],
        },
        Err(by_hand) => by_hand,
    };
    let list: String = by_hand.iter().map(|edit| format!("  {edit}\n")).collect();
    terminal::err(&format!(
        "{ERROR}error{ERROR:#}: {name}: nothing written: these edits must be made by hand:\n{list}"
    ));
    if args.diff {
        print(args, &diff::render(name, &input.dtb, new.blob().bytes()).map_err(unreadable)?)?;
    }
    Ok(None)
}

/// Tells whether an edited source compiles to a tree that needs no further repair.
fn settled(job: &Job, path: &Path, text: &str, options: &Options) -> Result<bool, Failure> {
    let Ok(dtb) = input::compile_as(path, text, options) else { return Ok(false) };
    let name = path.display().to_string();
    let input = Input { name, path: path.to_path_buf(), dtb, positions: None };
    let again = repair(job, &input)?;
    Ok(again.dtb.is_some_and(|dtb| dtb == input.dtb))
}

/// A tree, repaired or not.
struct Repaired {
    /// The repaired tree; `None` when it could not be repaired, which was printed.
    dtb: Option<Vec<u8>>,
    report: Report,
    has_errors: bool,
}

/// Repairs a tree and proves the result, for every kernel that is asked about.
fn repair(job: &Job, input: &Input) -> Result<Repaired, Failure> {
    let unreadable = |error| Failure::new(format!("{}: {error}", input.name));
    let mut job = job.for_tree(input)?;
    let dtb = job.effective(input.dtb.clone()).map_err(unreadable)?;
    let context = job.repair_context();
    let judged = pipeline::survey(&dtb, context).map_err(unreadable)?.judge();
    let applied = match judged.plan().apply() {
        Ok(applied) => applied,
        Err(refusal) => return Ok(refused(input, &dtb, &job, context, &refusal)),
    };
    // The findings that are left are about the repaired tree.
    let repaired = applied.dtb().to_vec();
    let proven = match applied.prove() {
        Ok(proven) => proven,
        Err(refusal) => return Ok(refused(input, &repaired, &job, context, &refusal)),
    };
    let allowed = context.policy.is_some_and(|policy| policy.on_error == OnError::Continue);
    for profile in job.profiles().iter().filter(|_| !allowed) {
        let context = job.context_of(profile);
        let judged = pipeline::survey(proven.dtb(), context).map_err(unreadable)?.judge();
        let left = judged.findings().iter().filter(|finding| finding.severity == Severity::Error);
        let left: Vec<Finding> = left.cloned().collect();
        if !left.is_empty() {
            return Ok(refused(input, proven.dtb(), &job, context, &Refusal::Findings(left)));
        }
    }
    let report = report(input, context, &proven).map_err(unreadable)?;
    let has_errors = proven.findings().iter().any(|finding| finding.severity == Severity::Error);
    Ok(Repaired { dtb: Some(proven.into_dtb()), report, has_errors })
}

fn report(input: &Input, context: Context<'_>, proven: &Proven) -> Result<Report, ringfence::fdt::FdtError> {
    let surveyed = pipeline::survey(proven.dtb(), context)?;
    Ok(Report {
        path: input.name.clone(),
        file: input.path.display().to_string(),
        findings: judge::shown(surveyed.tree(), proven.findings()),
        map: entries::entries(surveyed.analysis()),
        repairs: proven.repairs().to_vec(),
        ..Report::default()
    })
}

/// Reports what prevents the repair.
fn refused(input: &Input, dtb: &[u8], job: &Job, context: Context<'_>, refusal: &Refusal) -> Repaired {
    let (name, file) = (&input.name, input.path.display().to_string());
    let mut report = Report { path: name.clone(), file, ..Report::default() };
    if let (Refusal::Findings(findings), Ok(tree)) = (refusal, Tree::parse(dtb)) {
        let surveyed = pipeline::Surveyed::of(tree, context);
        report.findings = judge::shown(surveyed.tree(), findings);
        report.map = entries::entries(surveyed.analysis());
    }
    let several = job.profiles().len() > 1;
    let whose = if several { format!(" for {}", kernel::name(context.profile)) } else { String::new() };
    terminal::err(&format!(
        "{ERROR}error{ERROR:#}: {name}: not repaired{whose}, nothing written: {refusal}\n"
    ));
    Repaired { dtb: None, report, has_errors: true }
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
            let why = "the repaired tree has the overlays applied, so it cannot replace this file";
            return Err(Failure::of(input, why).with_help("use -o OUT"));
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

/// Prints to stdout, unless the tree goes there.
fn print(args: &Fix, text: &str) -> Result<(), Failure> {
    if args.output.as_deref().is_some_and(is_stdin) {
        terminal::err(text);
        return Ok(());
    }
    terminal::out(text)
}
