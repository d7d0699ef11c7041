//! `ringfence fix`.

use std::path::Path;

use ringfence::fdt::Tree;
use ringfence::finding::Severity;
use ringfence::pipeline::{self, Context};
use ringfence::prove::{Proven, Refusal};

use super::Outcome;
use crate::args::{Fix, Format};
use crate::failure::Failure;
use crate::input::{self, is_stdin};
use crate::job::Job;
use crate::report::{self, Report};
use crate::style::ERROR;
use crate::{diff, map, output, say, write_out};

pub(super) fn run(args: &Fix) -> Result<Outcome, Failure> {
    let target = target(args)?;
    let mut job = Job::from_args(&args.boot)?;
    if args.permit_all {
        job.permit_all();
    }
    let original = input::read(&args.input)?;
    let unreadable = |error| Failure::of(&args.input, error);
    let dtb = job.effective(original.clone()).map_err(unreadable)?;
    let context = job.context();
    let judged = pipeline::survey(&dtb, context).map_err(unreadable)?.judge();
    let proven = match judged.plan().apply().and_then(|applied| applied.prove()) {
        Ok(proven) => proven,
        Err(refusal) => return refused(args, &dtb, context, &refusal),
    };
    // A policy may let the board boot with errors left; a file that `fix` wrote has none.
    if proven.findings().iter().any(|finding| finding.severity == Severity::Error) {
        let refusal = Refusal::Findings(proven.findings().to_vec());
        return refused(args, &dtb, context, &refusal);
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
    Ok(Outcome::Clean)
}

/// Where to write to, if anywhere.
fn target(args: &Fix) -> Result<Option<&Path>, Failure> {
    if !args.in_place {
        return Ok(args.output.as_deref());
    }
    let is_source = args.input.extension().is_some_and(|ext| ext == "dts");
    if is_source || is_stdin(&args.input) {
        return Err(Failure::of(&args.input, "only a .dtb can be repaired in place").with_help("give -o OUT"));
    }
    Ok(Some(&args.input))
}

fn report(args: &Fix, context: Context<'_>, proven: &Proven) -> Result<Report, Failure> {
    let tree = Tree::parse(proven.dtb()).map_err(|error| Failure::of(&args.input, error))?;
    Ok(Report {
        path: args.input.display().to_string(),
        findings: report::show(&tree, proven.findings()),
        map: map::entries(&tree, proven.map(), context.facts),
        repairs: proven.repairs().to_vec(),
    })
}

fn tell(args: &Fix, report: &Report) -> Result<(), Failure> {
    if args.format == Format::Human {
        print(args, &output::repairs(report))?;
    }
    print(args, &output::render(args.format, std::slice::from_ref(report)))
}

/// Say what stands in the way. Nothing was written.
fn refused(args: &Fix, dtb: &[u8], context: Context<'_>, refusal: &Refusal) -> Result<Outcome, Failure> {
    if let (Refusal::Findings(findings), Ok(tree)) = (refusal, Tree::parse(dtb)) {
        let surveyed = pipeline::Surveyed::of(tree, context);
        let report = Report {
            path: args.input.display().to_string(),
            findings: report::show(surveyed.tree(), findings),
            map: map::entries(surveyed.tree(), surveyed.map(), context.facts),
            repairs: Vec::new(),
        };
        print(args, &output::render(args.format, &[report]))?;
    }
    say::err(&format!(
        "{ERROR}error{ERROR:#}: {}: not repaired, nothing written: {refusal}\n",
        args.input.display()
    ));
    Ok(Outcome::NotFixed)
}

/// Print to stdout, unless the tree goes there.
fn print(args: &Fix, text: &str) -> Result<(), Failure> {
    if args.output.as_deref().is_some_and(is_stdin) {
        say::err(text);
        return Ok(());
    }
    say::out(text)
}
