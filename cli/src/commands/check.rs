//! `ringfence check`.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anstream::adapter::strip_str;
use rayon::prelude::*;
use ringfence::finding::Severity;

use super::{Outcome, judge};
use crate::args::Check;
use crate::failure::Failure;
use crate::input::{self, Found, Wanted};
use crate::project::baseline::{self, Baseline};
use crate::project::date::{self, Date};
use crate::project::job::Job;
use crate::project::{adjust, firmware, in_source, rule};
use crate::report::formats::{self, Results, Verbosity};
use crate::report::{Counts, Diagnostic, Report};
use crate::terminal::progress::Progress;
use crate::terminal::style::{DIM, NOTE, WARNING};
use crate::terminal::text::plural;
use crate::{terminal, write_out};

pub(super) fn run(args: &Check) -> Result<Outcome, Failure> {
    let mut job = Job::from_args(&args.boot)?;
    let firmware = args.firmware.iter().map(|(path, key)| firmware::read(path, key));
    job.set_firmware(firmware.collect::<Result<_, _>>()?);
    let job = job;
    let known = match &args.baseline {
        Some(path) if !args.write_baseline => Some(Baseline::load(path)?),
        _ => None,
    };
    let wanted = if args.boot.base.is_some() { Wanted::Overlays } else { Wanted::Trees };
    let found = match args.inputs.as_slice() {
        [] => input::gather(&inputs(&job)?, wanted)?.into_iter().map(Found::regular).collect(),
        named => input::gather(named, wanted)?,
    };
    let found = named(&job, found);
    let mut reports = judge_all(args, &job, &found, known.as_ref());
    add_bases(args, &job, &mut reports, known.as_ref());
    complain(&reports, args);
    if !args.quiet {
        unused(args, &job, &reports, known.as_ref())?;
    }
    let unusable = reports.iter().any(|report| report.failure.is_some());
    if let (Some(path), true) = (&args.baseline, args.write_baseline) {
        if unusable {
            // The known findings of what cannot be read would be lost.
            terminal::err(&format!("{NOTE}note{NOTE:#}: {}: not written\n", path.display()));
            return Ok(Outcome::Unusable);
        }
        let count = baseline::write(path, &reports)?;
        terminal::err(&format!("{}: {} written\n", path.display(), plural(count, "finding")));
        return Ok(Outcome::Clean);
    }
    let results = Results {
        reports: &reports,
        limit: args.fail_on.limit(),
        verbosity: verbosity(args),
        statistics_follow: args.statistics && args.output.is_none(),
    };
    print(args, &results)?;
    if unusable {
        return Ok(Outcome::Unusable);
    }
    let failed = args.fail_on.limit().is_some_and(|limit| Counts::of(&reports).reach(limit));
    Ok(if failed { Outcome::Findings } else { Outcome::Clean })
}

/// Gives stdin its name.
fn named(job: &Job, found: Vec<Found>) -> Vec<Found> {
    let stdin = job.named(&[PathBuf::from("-")]).pop();
    let rename = |found: Found| match &stdin {
        Some(path) if input::is_stdin(&found.path) => Found { path: path.clone(), ..found },
        _ => found,
    };
    found.into_iter().map(rename).collect()
}

/// Puts the reports of each base before those of its overlays, which then have only what they add. A base
/// that is an input itself is reported as that.
fn add_bases(args: &Check, job: &Job, reports: &mut Vec<Report>, known: Option<&Baseline>) {
    // That of the command line is reported also if no overlay of it can be read.
    let mut bases: Vec<PathBuf> = args.boot.base.iter().cloned().collect();
    for base in reports.iter().filter_map(|report| report.base.as_ref()) {
        if !bases.contains(base) {
            bases.push(base.clone());
        }
    }
    let job = job.without_layers();
    for base in bases {
        let is_own = |report: &&Report| report.base.is_none() && is_same(Path::new(&report.file), &base);
        let own = reports.iter().filter(|_| args.boot.base.is_none()).filter(is_own);
        let mut own: Vec<Report> = own.cloned().collect();
        let is_listed = !own.is_empty();
        if !is_listed {
            own = file(args, &job, &base, known, date::today());
        }
        let of_base = |report: &Report| report.base.as_ref() == Some(&base);
        for report in reports.iter_mut().filter(|report| of_base(report)) {
            report.findings.retain(|shown| !is_among(&own, shown));
        }
        if !is_listed {
            let at = if args.boot.base.is_some() { Some(0) } else { reports.iter().position(of_base) };
            let at = at.unwrap_or(0);
            reports.splice(at..at, own);
        }
    }
}

/// Tells whether two paths lead to one file.
fn is_same(a: &Path, b: &Path) -> bool {
    let real = |path| fs::canonicalize(path).ok();
    a == b || real(a).zip(real(b)).is_some_and(|(a, b)| a == b)
}

/// Tells whether one of the reports has a finding.
fn is_among(reports: &[Report], shown: &Diagnostic) -> bool {
    let mut known = reports.iter().flat_map(|report| &report.findings);
    known.any(|known| {
        // A repair names its node by a number of its tree.
        let (a, b) = (&known.finding, &shown.finding);
        (a.rule, &a.node, &a.message) == (b.rule, &b.node, &b.message) && known.kernels == shown.kernels
    })
}

/// Judges all inputs, in parallel. The reports are in the order of the inputs.
fn judge_all(args: &Check, job: &Job, found: &[Found], known: Option<&Baseline>) -> Vec<Report> {
    let today = date::today();
    let progress = Progress::new(if args.quiet { 0 } else { found.len() });
    let judged = found.par_iter().map(|found| {
        let reports = match &found.failure {
            None => file(args, job, &found.path, known, today),
            Some(failure) => {
                let path = found.path.display().to_string();
                vec![Report::unreadable(path.clone(), path, failure.clone())]
            }
        };
        progress.step();
        reports
    });
    let reports: Vec<Vec<Report>> = judged.collect();
    reports.into_iter().flatten().collect()
}

/// Prints the results, to the file that is named or to stdout, and what goes with them.
fn print(args: &Check, results: &Results<'_>) -> Result<(), Failure> {
    let text = args.format.render(results);
    let has_content = args.format.is_document || results.reports.iter().any(|it| it.failure.is_none());
    match &args.output {
        // Documents list what cannot be read. Of other formats nothing would be left but an empty file.
        Some(path) if !has_content => {
            terminal::err(&format!("{NOTE}note{NOTE:#}: {}: not written\n", path.display()));
        }
        Some(path) => write_out::write(path, strip_str(&text).to_string().as_bytes())?,
        None => terminal::out(&text)?,
    }
    if args.statistics {
        let text = formats::statistics(results.reports);
        // Stdout is one document.
        if args.format.is_document && args.output.is_none() {
            terminal::err(&text);
        } else {
            terminal::out(&text)?;
        }
    }
    if let Some((variable, summary)) = args.format.summary
        && let Some(path) = env::var_os(variable)
    {
        write_out::append(Path::new(&path), summary(results).as_bytes())?;
    }
    Ok(())
}

const fn verbosity(args: &Check) -> Verbosity {
    match (args.quiet, args.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    }
}

/// Returns the inputs that the project of the working directory names.
fn inputs(job: &Job) -> Result<Vec<PathBuf>, Failure> {
    // The configuration for stdin is that of the working directory.
    let config = job.config_for(Path::new("-"))?.ok_or_else(|| {
        Failure::new("no INPUT given")
            .with_help("name a device tree or a directory, or set `inputs` in a ringfence.toml")
    })?;
    config.inputs()
}

/// Judges one file, and applies its configuration, the command line and the baseline.
fn file(args: &Check, job: &Job, path: &Path, known: Option<&Baseline>, today: Date) -> Vec<Report> {
    let mut reports = judge::file(job, path);
    let config = match job.config_for(path) {
        Ok(config) => config,
        // Its failure is in the reports.
        Err(_) => return reports,
    };
    let least = args.min_severity.map_or(Severity::Note, Severity::from);
    for report in &mut reports {
        if let Some(config) = &config {
            adjust::by_config(report, config, path, today);
        }
        in_source::apply(report);
        report.findings.retain(|shown| {
            let finding = &shown.finding;
            finding.severity >= least && rule::is_reported(finding.rule, &args.select, &args.ignore)
        });
        if let Some(known) = known {
            adjust::by_baseline(report, known);
        }
    }
    if args.verbose {
        let config = config.map_or("none".to_string(), |config| config.path.display().to_string());
        let mut text = format!("{DIM}{}: configuration: {config}", path.display());
        for report in &reports {
            let kernels = report.checked_for.join(", ");
            let policy = if report.has_policy { "with a policy" } else { "without a policy" };
            text += &format!("; {}: kernels {kernels}, {policy}", report.path);
        }
        terminal::err(&format!("{text}{DIM:#}\n"));
    }
    reports
}

/// Maximum number of stale entries that are listed.
const MAX_STALE: usize = 5;

/// Reports what suppresses nothing any more: suppressions, when all inputs of a project were checked, and
/// entries of the baseline.
fn unused(args: &Check, job: &Job, reports: &[Report], known: Option<&Baseline>) -> Result<(), Failure> {
    let note = |text: String| terminal::err(&format!("{NOTE}note{NOTE:#}: {text}\n"));
    if args.inputs.is_empty()
        && let Some(config) = job.config_for(Path::new("-"))?
    {
        for suppression in config.unused(date::today()) {
            let (name, node) = (config.path.display(), suppression.node.as_str());
            note(format!("{name}: the suppression of {} at {node} matches no finding", suppression.rule));
        }
    }
    let stale = known.map(|known| known.stale(reports)).unwrap_or_default();
    if let (Some(first), Some(path)) = (stale.first(), &args.baseline) {
        let mut list = first.clone();
        for entry in stale.iter().skip(1).take(MAX_STALE - 1) {
            list += &format!(", {entry}");
        }
        if stale.len() > MAX_STALE {
            list += &format!(" and {} more", stale.len() - MAX_STALE);
        }
        let path = path.display();
        note(format!("{path}: no finding matches {list}; --write-baseline drops what is stale"));
    }
    Ok(())
}

/// Prints why inputs cannot be read, and the warnings of the configurations, each once: a broken
/// configuration is one failure, however many inputs it applies to.
fn complain(reports: &[Report], args: &Check) {
    let failures = reports.iter().filter_map(|report| report.failure.as_ref()).map(Failure::render);
    let warnings = reports.iter().flat_map(|report| &report.warnings).filter(|_| !args.quiet);
    let warnings = warnings.map(|warning| format!("{WARNING}warning{WARNING:#}: {warning}"));
    let mut printed = BTreeSet::new();
    for text in failures.chain(warnings) {
        if !printed.contains(&text) {
            terminal::err(&format!("{text}\n"));
            printed.insert(text);
        }
    }
}
