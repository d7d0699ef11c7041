//! RF407: the tree is that of the board which the policy is for.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(407),
    name: "wrong-board",
    title: "the root's compatible names the board of the policy",
    severity: Severity::Error,
    why: "A policy's addresses are those of one board's firmware. Held against another board's tree, it protects \
          memory that nobody guards and leaves open what somebody does; a policy or a tree was taken for another.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(board) = analysis.policy.and_then(|policy| policy.board.as_deref()) else { return };
    let compatible = analysis.tree.root().prop("compatible");
    if compatible.is_some_and(|prop| prop.strings().any(|name| name == board)) {
        return;
    }
    let found = compatible.and_then(|prop| prop.strings().next());
    let message = match found {
        Some(found) => format!("the policy is for `{board}`, and this tree's `compatible` says `{found}`"),
        None => format!("the policy is for `{board}`, and this tree has no `compatible`"),
    };
    let finding = OldReport::new(DOC.id, DOC.severity, "/", message);
    out.push(finding.with_help("take the policy of this board, or correct `board` in the policy"));
}
