//! `ringfence fix`.

use std::path::{Path, PathBuf};

use ringfence::fdt::Tree;
use ringfence::finding::{Finding, Severity};
use ringfence::pipeline::{self, Context};
use ringfence::policy::OnError;
use ringfence::prove::{Proven, Refusal};

use super::{Outcome, judge};
use crate::args::Fix;
use crate::failure::Failure;
use crate::input::{self, Options, is_stdin};
use crate::memmap::entries;
use crate::project::job::Job;
use crate::project::kernel;
use crate::report::formats::{Results, Verbosity};
use crate::report::{Report, diff};
use crate::terminal::style::ERROR;
use crate::{terminal, write_out};

pub(super) fn run(args: &Fix) -> Result<Outcome, Failure> {
    let target = target(args)?;
    let mut job = Job::from_args(&args.boot)?;
    if args.permit_all {
        job.permit_all();
    }
    // The tree goes into a product, so it gets no symbols that the product's build would not give it.
    let options = Options { bare: !job.names_labels(), ..job.options(&args.input)? };
    let input = input::load_one(&args.input, &options)?;
    let job = job.for_tree(&input)?;
    let original = input.dtb;
    let unreadable = |error| Failure::of(&args.input, error);
    let dtb = job.effective(original.clone()).map_err(unreadable)?;
    let context = job.repair_context();
    let judged = pipeline::survey(&dtb, context).map_err(unreadable)?.judge();
    let applied = match judged.plan().apply() {
        Ok(applied) => applied,
        Err(refusal) => return refused(args, &dtb, &job, context, &refusal),
    };
    // The findings that are left are about the repaired tree.
    let repaired = applied.dtb().to_vec();
    let proven = match applied.prove() {
        Ok(proven) => proven,
        Err(refusal) => return refused(args, &repaired, &job, context, &refusal),
    };
    let allowed = context.policy.is_some_and(|policy| policy.on_error == OnError::Continue);
    // What is held in the EFI memory map is held by the boot.
    let facts = context.facts.clone().with_held(proven.holds());
    for profile in job.profiles().iter().filter(|_| !allowed) {
        let context = Context { facts: &facts, ..job.context_of(profile) };
        let judged = pipeline::survey(proven.dtb(), context).map_err(unreadable)?.judge();
        let left = judged.findings().iter().filter(|finding| finding.severity == Severity::Error);
        let left: Vec<Finding> = left.cloned().collect();
        if !left.is_empty() {
            return refused(args, proven.dtb(), &job, context, &Refusal::Findings(left));
        }
    }
    if let Some(target) = target {
        write_out::write(target, proven.dtb())?;
    }
    tell(args, &report(args, context, &proven)?)?;
    if args.diff {
        let text =
            diff::render(&args.input.display().to_string(), &original, proven.dtb()).map_err(unreadable)?;
        print(args, &text)?;
    }
    // Only `on-error = "continue"` accepts a tree with errors left: it is written, but not clean.
    let is_error = |finding: &Finding| finding.severity == Severity::Error;
    Ok(if proven.findings().iter().any(is_error) { Outcome::Findings } else { Outcome::Clean })
}

/// Returns where to write to, if anywhere.
fn target(args: &Fix) -> Result<Option<&Path>, Failure> {
    if !args.in_place {
        if let Some(output) = &args.output {
            let overlays = args.boot.overlay.iter().chain(&args.boot.base).chain(&args.boot.policy);
            let inputs = overlays.chain([&args.input]).map(PathBuf::as_path);
            write_out::keep_apart(output, inputs)
                .map_err(|failure| failure.with_help("use --in-place to overwrite INPUT"))?;
        }
        return Ok(args.output.as_deref());
    }
    if args.boot.base.is_some() || !args.boot.overlay.is_empty() {
        return Err(Failure::of(
            &args.input,
            "the repaired tree has the overlays applied, so it cannot replace this file",
        )
        .with_help("use -o OUT"));
    }
    let is_source = args.input.extension().is_some_and(|ext| ext == "dts");
    if is_source || is_stdin(&args.input) {
        return Err(Failure::of(&args.input, "only a .dtb can be repaired in place").with_help("use -o OUT"));
    }
    Ok(Some(&args.input))
}

fn report(args: &Fix, context: Context<'_>, proven: &Proven) -> Result<Report, Failure> {
    let surveyed =
        pipeline::survey(proven.dtb(), context).map_err(|error| Failure::of(&args.input, error))?;
    Ok(Report {
        path: args.input.display().to_string(),
        file: args.input.display().to_string(),
        findings: judge::shown(surveyed.tree(), proven.findings()),
        map: entries::entries(surveyed.analysis()),
        repairs: proven.repairs().to_vec(),
        ..Report::default()
    })
}

fn tell(args: &Fix, report: &Report) -> Result<(), Failure> {
    print(args, &rendered(args, report))
}

fn rendered(args: &Fix, report: &Report) -> String {
    args.format.render(&Results {
        reports: std::slice::from_ref(report),
        limit: Some(Severity::Error),
        verbosity: Verbosity::Verbose,
    })
}

/// Reports what prevents the repair. Nothing was written.
fn refused(
    args: &Fix,
    dtb: &[u8],
    job: &Job,
    context: Context<'_>,
    refusal: &Refusal,
) -> Result<Outcome, Failure> {
    if let (Refusal::Findings(findings), Ok(tree)) = (refusal, Tree::parse(dtb)) {
        let surveyed = pipeline::Surveyed::of(tree, context);
        let report = Report {
            path: args.input.display().to_string(),
            file: args.input.display().to_string(),
            findings: judge::shown(surveyed.tree(), findings),
            map: entries::entries(surveyed.analysis()),
            ..Report::default()
        };
        print(args, &rendered(args, &report))?;
    }
    let several = job.profiles().len() > 1;
    let whose = if several { format!(" for {}", kernel::name(context.profile)) } else { String::new() };
    terminal::err(&format!(
        "{ERROR}error{ERROR:#}: {}: not repaired{whose}, nothing written: {refusal}\n",
        args.input.display()
    ));
    Ok(Outcome::NotFixed)
}

/// Prints to stdout, unless the tree goes there.
fn print(args: &Fix, text: &str) -> Result<(), Failure> {
    if args.output.as_deref().is_some_and(is_stdin) {
        terminal::err(text);
        return Ok(());
    }
    terminal::out(text)
}
