//! The repairs that are to be made.

use super::RepairKind;
use crate::analysis::Analysis;
use crate::fdt::NodeId;
use crate::finding::{Finding, Severity};
use crate::order;
use crate::policy::{Allow, Mode};
use alloc::vec::Vec;

/// The repairs that findings ask for and the policy permits, each once.
pub(super) struct Wanted {
    /// In the order of the table.
    kinds: Vec<RepairKind>,
    /// The same by the nodes that they are about.
    by_node: Vec<RepairKind>,
}

impl Wanted {
    /// Collects them from the findings about an analysis.
    pub(super) fn new(analysis: &Analysis<'_, '_>, findings: &[Finding]) -> Self {
        let mut kinds: Vec<RepairKind> = Vec::new();
        let policy = analysis.policy;
        if policy.is_none_or(|policy| policy.mode == Mode::Fix) {
            let allow = policy.map_or_else(Allow::default, |policy| policy.allow);
            let protected = protected(analysis, allow);
            let permitted = |kind: &RepairKind| match kind {
                RepairKind::DropFlags(node) if protected.contains(node) => true,
                _ => kind.permitted(&allow),
            };
            let proposed = findings.iter().filter(|finding| finding.severity > Severity::Note);
            let proposed = proposed.filter_map(|finding| Some(finding.repair.as_ref()?.kind));
            kinds.extend(proposed.filter(permitted));
        }
        Self::of(kinds)
    }

    fn of(mut kinds: Vec<RepairKind>) -> Self {
        order::sort_by_key(&mut kinds, |kind| kind.key());
        kinds.dedup();
        let mut by_node = kinds.clone();
        order::sort_by_key(&mut by_node, |kind| (kind.node(), kind.key()));
        Self { kinds, by_node }
    }

    /// Returns these and one that follows from them.
    pub(super) fn with(&self, kind: RepairKind) -> Self {
        Self::of(self.kinds.iter().copied().chain([kind]).collect())
    }

    /// Returns whether there is nothing to repair.
    pub(super) fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Returns whether a repair is one of them.
    pub(super) fn has(&self, kind: RepairKind) -> bool {
        self.kinds.binary_search_by_key(&kind.key(), |kind| kind.key()).is_ok()
    }

    /// Returns the first that follows `kind` in the order of the table.
    pub(super) fn after(&self, kind: RepairKind) -> Option<RepairKind> {
        self.kinds.get(self.kinds.partition_point(|other| other.key() <= kind.key())).copied()
    }

    /// Returns all of them, in the order of the table.
    pub(super) fn iter(&self) -> impl Iterator<Item = RepairKind> + use<'_> {
        self.kinds.iter().copied()
    }

    /// Returns those that are about a node, or those that are about none, in the order of the table.
    pub(super) fn about(&self, node: Option<NodeId>) -> impl Iterator<Item = RepairKind> + use<'_> {
        let first = self.by_node.partition_point(|kind| kind.node() < node);
        let mine = self.by_node.iter().skip(first).take_while(move |kind| kind.node() == node);
        mine.copied()
    }
}

/// Protection that the policy requires needs no second permission to win over `reusable`.
fn protected(analysis: &Analysis<'_, '_>, allow: Allow) -> Vec<NodeId> {
    let answers = analysis.answers().filter(|answer| allow.restore && answer.requirement.no_map());
    answers.filter_map(|answer| Some(answer.region?.node)).collect()
}
