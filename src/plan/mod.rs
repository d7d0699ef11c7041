//! The planner: from findings to one set of edits and placements that answers them all.
//!
//! It works on a draft of the whole map, not on one finding at a time, because repairs meet: a carveout that
//! is restored pushes a neighbour up, which takes the place where a pool would have gone. What must stand
//! where it is comes first, what can give way comes later, and every step asks the ledger. Same input, same
//! plan.

mod changes;
mod emit;
mod gather;
mod layout;
mod names;
mod no_fit;
mod paths;
mod place;
mod reencode;
mod repairs;
mod report;
mod require;
mod rewrites;
mod separate;
mod wanted;
mod writer;

pub use place::Placement;
pub use repairs::{Permission, RepairKind};
pub use report::REPORT;
pub use rewrites::Rewrites;

use crate::analysis::Analysis;
use crate::context::Context;
use crate::fdt::{FdtError, Tree, rewrite};
use crate::finding::Finding;
use crate::policy::{Allow, Mode};
use crate::rules;
use crate::survey::MemoryMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use report::Report;
use wanted::Wanted;

/// What is to be done: edits to the tree, and places for what the boot needs.
#[derive(Debug)]
pub struct Plan {
    /// The edits.
    pub edits: Rewrites,
    /// The repairs that the edits make: first those that bring regions to where they are read, then the
    /// others in the order of the tree.
    pub repairs: Vec<Repaired>,
    /// Where kernel, initrd and DTB are to be.
    pub placement: Placement,
    /// What was to be placed and could not be: a plan with any of these is never proven.
    pub stuck: Vec<PlacementFailure>,
}

/// One repair that the plan makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repaired {
    /// Path of the node, as it was.
    pub node: String,
    /// Stable name of the kind of repair.
    pub kind: &'static str,
    /// What was done, in words.
    pub what: String,
}

impl Repaired {
    fn new(kind: RepairKind, node: impl Into<String>, what: impl Into<String>) -> Self {
        Self { node: node.into(), kind: kind.name(), what: what.into() }
    }
}

impl fmt::Display for Repaired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.node, self.what)
    }
}

/// Something for which no place was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacementFailure {
    /// Path of the node, or the name of the boot object.
    pub node: String,
    /// What was wanted and why it cannot be.
    pub why: String,
}

impl PlacementFailure {
    fn of(error: &FdtError) -> Self {
        Self { node: "/reserved-memory".into(), why: error.to_string() }
    }
}

impl fmt::Display for PlacementFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.node, self.why)
    }
}

/// How often misplaced regions are gathered. Those that appear after that are left, and refused.
const MAX_PASSES: usize = 4;

/// Makes the plan for a judged analysis.
#[must_use]
pub fn plan(analysis: &Analysis<'_, '_>, findings: &[Finding]) -> Plan {
    plan_from(analysis, findings, Report { found: findings, earlier: Vec::new() }, MAX_PASSES)
}

/// Plans as if the policy permitted every repair; `tree` is that of the analysis.
pub(crate) fn permitting<'a>(analysis: &Analysis<'_, 'a>, tree: Tree<'a>, findings: &[Finding]) -> Plan {
    let mut policy = analysis.policy.cloned().unwrap_or_default();
    policy.mode = Mode::Fix;
    for switch in Allow::SWITCHES {
        *(switch.field)(&mut policy.allow) = true;
    }
    let context = Context { policy: Some(&policy), ..analysis.context() };
    plan(&Analysis::new(tree, analysis.map.clone(), context), findings)
}

impl Plan {
    /// Tells whether a repair of the findings about `tree` is one that it makes. What one repair shifts may
    /// be another region than the finding names.
    pub(crate) fn makes(&self, kind: RepairKind, tree: &Tree<'_>) -> bool {
        let path = kind.node().filter(|_| !matches!(kind, RepairKind::Shift(_)));
        let path = path.map(|node| tree.node(node).path());
        let mut alike = self.repairs.iter().filter(|repaired| repaired.kind == kind.name());
        alike.any(|repaired| path.as_ref().is_none_or(|path| *path == repaired.node))
    }
}

/// Plans for a tree, gathering at most `passes` times what is out of place.
fn plan_from(
    analysis: &Analysis<'_, '_>,
    findings: &[Finding],
    mut report: Report<'_>,
    passes: usize,
) -> Plan {
    let wanted = Wanted::new(analysis, findings);
    let gathered = gather::gather(analysis, &wanted);
    if gathered.edits.is_empty() || passes == 0 {
        return lay_out(analysis, &wanted, report, gathered.failures);
    }
    let after = match rewrite(&analysis.tree, &gathered.edits) {
        Ok(blob) => blob,
        Err(error) => return lay_out(analysis, &wanted, report, alloc::vec![PlacementFailure::of(&error)]),
    };
    let tree = match Tree::parse(&after) {
        Ok(tree) => tree,
        Err(error) => return lay_out(analysis, &wanted, report, alloc::vec![PlacementFailure::of(&error)]),
    };
    report.earlier.extend(gathered.log);
    let context = analysis.context();
    let map = MemoryMap::survey(&tree, context.facts);
    let next = Analysis::new(tree, map, context);
    let mut plan = plan_from(&next, &rules::judge(&next), report, passes - 1);
    drop(next);
    plan.edits = plan.edits.starting_with(gathered.edits, after);
    plan.stuck.extend(gathered.failures);
    plan
}

/// Plans for a tree in which everything that counts is where it is read: the order of the phases, and with it
/// the answer.
fn lay_out(
    analysis: &Analysis<'_, '_>,
    wanted: &Wanted,
    report: Report<'_>,
    failures: Vec<PlacementFailure>,
) -> Plan {
    let settling;
    let mut placed = require::require(analysis, wanted).separate().place();
    // What other repairs take above it brings the kernel down to the pool of `cma=`: settled in the same go.
    if !wanted.is_empty() && placed.reaches_cma() {
        settling = wanted.with(RepairKind::SettleCma);
        placed = require::require(analysis, &settling).separate().place();
    }
    let changed = placed.emit(&report);
    let mut plan = Plan {
        edits: Rewrites::ending_with(changed.edits),
        repairs: report.earlier,
        placement: placed.placement,
        stuck: failures,
    };
    plan.repairs.extend(changed.log);
    plan.stuck.extend(changed.failures);
    plan
}
