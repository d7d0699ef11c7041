//! `ringfence map`.

use ringfence::fdt::Tree;
use ringfence::pipeline::{self, Context};
use ringfence::plan::Repaired;
use ringfence::prove::Refusal;

use super::{Outcome, tree};
use crate::args::{Map, MapFormat};
use crate::draw::{self, Fixed, Picture, changes};
use crate::failure::Failure;
use crate::memmap::chart::Chart;
use crate::memmap::compare::{self, Labels};
use crate::project::job::Job;
use crate::terminal;
use crate::terminal::style::{BOLD, ERROR, NOTE};
use crate::terminal::text::printable;

pub(super) fn run(args: &Map) -> Result<Outcome, Failure> {
    let mut job = Job::from_args(&args.boot)?;
    if args.permit_all {
        job.permit_all();
    }
    let (job, dtb) = tree::read(&job, &args.input)?;
    let unreadable = |error| Failure::of(&args.input, error);
    let judged = pipeline::survey(&dtb, job.context()).map_err(unreadable)?.judge();
    let before = Chart::of(judged.surveyed().analysis());
    let findings: Vec<String> = judged.findings().iter().map(ToString::to_string).collect();
    let (fixed, refusal) = match args.fix.then(|| fix(&dtb, job.repair_context(), &before)) {
        Some(Ok(fixed)) => (Some(fixed), None),
        Some(Err(refusal)) => (None, Some(refusal.to_string())),
        None => (None, None),
    };
    let path = args.input.display().to_string();
    let (fixed, findings) = (fixed.as_ref(), findings.as_slice());
    let shown =
        Picture { path: &path, before: &before, fixed, titles: draw::FIXED, findings, with_free: args.free };
    terminal::out(&match args.format {
        MapFormat::Text => text(&shown),
        MapFormat::Svg => draw::picture(&shown),
        MapFormat::Html => draw::page(&shown),
        MapFormat::Json => draw::json(&shown),
    })?;
    match refusal {
        None => Ok(Outcome::Clean),
        Some(refusal) => {
            terminal::err(&format!("{ERROR}error{ERROR:#}: {path}: `fix` cannot repair it: {refusal}\n"));
            Ok(Outcome::NotFixed)
        }
    }
}

/// Returns the map after the repairs that `fix` would make, proven as `fix` would.
fn fix(dtb: &[u8], context: Context<'_>, before: &Chart) -> Result<Fixed, Refusal> {
    let judged = pipeline::survey(dtb, context)?.judge();
    let proven = judged.plan().apply()?.prove()?;
    let (old, new) = (Tree::parse(dtb)?, pipeline::survey(proven.dtb(), context)?);
    let chart = Chart::of(new.analysis());
    let changes = compare::changes(before, &chart, &Labels::of(&old, new.tree()));
    Ok(Fixed { chart, changes, repairs: proven.repairs().iter().map(Repaired::to_string).collect() })
}

fn text(shown: &Picture<'_>) -> String {
    let table = |chart: &Chart| draw::table(&chart.entries, shown.with_free.then_some(&chart.free));
    let Some(fixed) = shown.fixed else { return table(shown.before) };
    let repairs: String =
        fixed.repairs.iter().map(|repair| format!("{NOTE}repair{NOTE:#} {}\n", printable(repair))).collect();
    format!(
        "{BOLD}before{BOLD:#}\n{}\n{BOLD}after fix{BOLD:#}\n{}\n{repairs}{}",
        table(shown.before),
        table(&fixed.chart),
        changes::human(&fixed.changes, &[])
    )
}
