//! Repairs one tree for every kernel that is asked about, and proves the result.

use ringfence::fdt::{FdtError, Tree};
use ringfence::finding::{Finding, Severity};
use ringfence::pipeline::{self, Context};
use ringfence::plan;
use ringfence::policy::OnError;
use ringfence::prove::Refusal;

use super::judge;
use crate::failure::Failure;
use crate::input::Input;
use crate::memmap::entries;
use crate::project::job::Job;
use crate::project::kernel;
use crate::report::Report;
use crate::terminal;
use crate::terminal::style::ERROR;

/// Maximum number of times that a tree is repaired for all kernels in turn. What one needs can break what
/// another needs.
const MAX_ROUNDS: usize = 4;

/// A tree, repaired or not.
pub(super) struct Repaired {
    /// The repaired tree; `None` when it could not be repaired, which was printed.
    pub(super) dtb: Option<Vec<u8>>,
    pub(super) report: Report,
    pub(super) has_errors: bool,
}

/// A tree on its way through the repairs for several kernels.
struct Progress {
    dtb: Vec<u8>,
    repairs: Vec<plan::Repaired>,
    /// What is left in the view of the first kernel.
    findings: Vec<Finding>,
}

/// Repairs a tree and proves the result, for every kernel that is asked about.
pub(super) fn repair(job: &Job, input: &Input) -> Result<Repaired, Failure> {
    let unreadable = |error| Failure::new(format!("{}: {error}", input.name));
    let mut job = job.for_tree(input)?;
    let dtb = job.effective(input.dtb.clone()).map_err(unreadable)?;
    let first = job.repair_context();
    let others = job.profiles().iter().filter(|profile| *profile != first.profile);
    let contexts: Vec<_> = [first].into_iter().chain(others.map(|other| job.context_of(other))).collect();
    let mut progress = Progress { dtb, repairs: Vec::new(), findings: Vec::new() };
    for _ in 0..MAX_ROUNDS {
        let before = progress.dtb.clone();
        for (number, &context) in contexts.iter().enumerate() {
            match step(&mut progress, context, number == 0).map_err(unreadable)? {
                None => {}
                Some((dtb, refusal)) => return Ok(refused(input, &dtb, &job, context, &refusal)),
            }
        }
        // One kernel needs one round: its repairs are proven.
        if contexts.len() == 1 || progress.dtb == before {
            break;
        }
    }
    let dtb = &progress.dtb;
    let allowed = first.policy.is_some_and(|policy| policy.on_error == OnError::Continue);
    for &context in contexts.iter().filter(|_| !allowed) {
        let judged = pipeline::survey(dtb, context).map_err(unreadable)?.judge();
        let left = judged.findings().iter().filter(|finding| finding.severity == Severity::Error);
        let left: Vec<Finding> = left.cloned().collect();
        if !left.is_empty() {
            return Ok(refused(input, dtb, &job, context, &Refusal::Findings(left)));
        }
    }
    let has_errors = progress.findings.iter().any(|finding| finding.severity == Severity::Error);
    let report = report(input, first, &progress).map_err(unreadable)?;
    Ok(Repaired { dtb: Some(progress.dtb), report, has_errors })
}

/// Repairs the tree for one kernel. Returns the tree as far as it came and the reason when it cannot be.
fn step(
    progress: &mut Progress,
    context: Context<'_>,
    is_first: bool,
) -> Result<Option<(Vec<u8>, Refusal)>, FdtError> {
    let judged = pipeline::survey(&progress.dtb, context)?.judge();
    let applied = match judged.plan().apply() {
        Ok(applied) => applied,
        Err(refusal) => return Ok(Some((progress.dtb.clone(), refusal))),
    };
    // The findings that are left are about the repaired tree.
    let dtb = applied.dtb().to_vec();
    let proven = match applied.prove() {
        Ok(proven) => proven,
        Err(refusal) => return Ok(Some((dtb, refusal))),
    };
    progress.repairs.extend_from_slice(proven.repairs());
    if is_first {
        progress.findings = proven.findings().to_vec();
    }
    progress.dtb = proven.into_dtb();
    Ok(None)
}

fn report(input: &Input, context: Context<'_>, progress: &Progress) -> Result<Report, FdtError> {
    let surveyed = pipeline::survey(&progress.dtb, context)?;
    Ok(Report {
        path: input.name.clone(),
        file: input.path.display().to_string(),
        findings: judge::shown(surveyed.tree(), &progress.findings),
        map: entries::entries(surveyed.analysis()),
        repairs: progress.repairs.clone(),
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
