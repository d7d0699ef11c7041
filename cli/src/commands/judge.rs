//! Judges inputs: from a file to reports, whatever the output format.

use std::path::Path;

use ringfence::fdt::Tree;
use ringfence::finding::Finding;
use ringfence::pipeline::{self, Applied, Judged};
use ringfence::profile::KernelProfile;
use ringfence::prove::Refusal;

use crate::failure::Failure;
use crate::input::{self, Input, Loaded, Positions};
use crate::memmap::entries;
use crate::project::job::Job;
use crate::project::kernel;
use crate::report::{self, Diagnostic, Report, source_fix};

/// Reads and judges every tree of a file. What cannot be read is a report with the reason.
pub(super) fn file(job: &Job, path: &Path) -> Vec<Report> {
    let file = path.display().to_string();
    let unreadable = |name: String, failure| Report::unreadable(name, file.clone(), failure);
    let options = match job.options(path) {
        Ok(options) => options,
        Err(failure) => return vec![unreadable(file.clone(), failure)],
    };
    let judged = |Loaded { name, tree }: Loaded| {
        tree.and_then(|tree| one(job, tree)).unwrap_or_else(|failure| unreadable(name, failure))
    };
    input::load(path, &options).into_iter().map(judged).collect()
}

/// Judges one tree, for every kernel that is asked about.
///
/// # Errors
/// When it is not a valid device tree, or its configuration is not valid.
pub(crate) fn one(job: &Job, input: Input) -> Result<Report, Failure> {
    let Input { name, path, dtb, positions, base } = input;
    let unreadable = |error| Failure::new(format!("{name}: {error}"));
    let input = Input { name: name.clone(), path, dtb, positions: None, base: None };
    let mut job = job.for_tree(&input)?;
    let file = input.path.display().to_string();
    let dtb = job.effective(input.dtb).map_err(unreadable)?;
    let mut report = Report { path: name.clone(), file, base, ..Report::default() };
    report.checked_for = job.profiles().iter().map(kernel::name).collect();
    report.has_policy = job.context().policy.is_some();
    let several = job.profiles().len() > 1;
    for (index, profile) in job.profiles().iter().enumerate() {
        let judged =
            pipeline::survey(&dtb, job.context_of(profile)).map_err(unreadable)?.judge().with_offers();
        let surveyed = judged.surveyed();
        if index == 0 {
            report.map = entries::entries(surveyed.analysis());
        }
        let mut shown = report::show(surveyed.tree(), judged.findings(), positions.as_ref());
        if let Some(positions) = &positions {
            add_fixes(&mut shown, judged, positions);
        }
        // Bootargs of the command line are in no source.
        for shown in shown.iter_mut().filter(|_| job.gives_bootargs()) {
            if shown.finding.property.as_deref() == Some("bootargs") {
                (shown.place, shown.fix) = (None, None);
            }
        }
        match several {
            true => merge(&mut report.findings, shown, profile),
            false => report.findings = shown,
        }
    }
    for shown in report.findings.iter_mut().filter(|shown| shown.kernels.len() == job.profiles().len()) {
        shown.kernels.clear();
    }
    report.positions = positions;
    Ok(report)
}

/// Adds the findings for one kernel, in the order of the rules.
fn merge(all: &mut Vec<Diagnostic>, new: Vec<Diagnostic>, profile: &KernelProfile) {
    for mut shown in new {
        match all.iter_mut().find(|known| known.finding == shown.finding) {
            Some(known) => known.kernels.push(kernel::name(profile)),
            None => {
                shown.kernels = vec![kernel::name(profile)];
                all.push(shown);
            }
        }
    }
    all.sort_by_key(|shown| shown.finding.rule);
}

/// Adds the source edit of each permitted repair. Findings that are left elsewhere in the tree do not prevent
/// it; any other objection of the proof does.
fn add_fixes(shown: &mut [Diagnostic], judged: Judged<'_, '_>, positions: &Positions) {
    if !shown.iter().any(|shown| shown.finding.repair.is_some()) {
        return;
    }
    let old = judged.surveyed().tree().blob().bytes().to_vec();
    let Some((old, new)) = judged.plan().apply().ok().and_then(proposed).map(|new| (old, new)) else {
        return;
    };
    let (Ok(old), Ok(new)) = (Tree::parse(&old), Tree::parse(&new)) else { return };
    for shown in shown {
        shown.fix = source_fix::fix(positions, &old, &new, &shown.finding);
    }
}

fn proposed(applied: Applied<'_, '_>) -> Option<Vec<u8>> {
    let new = applied.dtb().to_vec();
    match applied.prove() {
        Ok(_) | Err(Refusal::Findings(_)) => Some(new),
        Err(_) => None,
    }
}

/// Shows findings of a tree that has no source of its own.
#[must_use]
pub(super) fn shown(tree: &Tree<'_>, findings: &[Finding]) -> Vec<Diagnostic> {
    report::show(tree, findings, None)
}
