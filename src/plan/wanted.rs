//! The repairs that are to be made.

use super::RepairKind;
use crate::analysis::Analysis;
use crate::fdt::NodeId;
use crate::finding::{Finding, Severity};
use crate::order;
use crate::policy::{Allow, Mode};
use alloc::vec::Vec;

/// The repairs that findings ask for and the policy permits, in the order of the table, each once.
pub(super) struct Wanted(Vec<RepairKind>);

impl Wanted {
    /// Collects them from the findings about an analysis.
    pub(super) fn new(analysis: &Analysis<'_, '_>, findings: &[Finding]) -> Self {
        let policy = analysis.policy;
        if policy.is_some_and(|policy| policy.mode != Mode::Fix) {
            return Self(Vec::new());
        }
        let allow = policy.map_or_else(Allow::default, |policy| policy.allow);
        // Protection that the policy requires needs no second permission to win over `reusable`.
        let protected: Vec<NodeId> = match policy.filter(|_| allow.restore) {
            Some(_) => {
                let answers = analysis.answers().filter(|answer| answer.required.no_map);
                answers.filter_map(|answer| Some(answer.region?.node)).collect()
            }
            None => Vec::new(),
        };
        let mut kinds: Vec<RepairKind> = findings
            .iter()
            .filter(|finding| finding.severity > Severity::Note)
            .filter_map(|finding| finding.repair.as_ref())
            .map(|repair| repair.kind)
            .filter(|kind| {
                kind.permitted(&allow)
                    || matches!(kind, RepairKind::DropFlags(node) if protected.contains(node))
            })
            .collect();
        order::sort_by_key(&mut kinds, |kind| kind.key());
        kinds.dedup();
        Self(kinds)
    }

    /// Checks that a repair is one of them.
    pub(super) fn has(&self, kind: RepairKind) -> bool {
        self.0.binary_search_by_key(&kind.key(), |kind| kind.key()).is_ok()
    }

    /// Returns the first that follows `kind` in the order of the table.
    pub(super) fn after(&self, kind: RepairKind) -> Option<RepairKind> {
        self.0.get(self.0.partition_point(|other| other.key() <= kind.key())).copied()
    }

    /// Returns all of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = RepairKind> {
        self.0.iter().copied()
    }
}
