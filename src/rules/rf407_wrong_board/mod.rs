//! RF407: the tree is of another board than the policy.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::RuleId;

pub(super) const DOC: Doc = Doc {
    id: RuleId(407),
    name: "wrong-board",
    title: "the tree is of another board than the policy",
    why: r"
        The root's `compatible` must contain the policy's `board`. The addresses of a policy are those of
        one board's firmware: on another board's tree it protects memory that no firmware uses, and leaves
        open what firmware does use. Either the policy or the tree is the wrong one.
    ",
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
    let report = match compatible.and_then(|prop| prop.strings().next()) {
        Some(found) => {
            out.report("/", format_args!("the policy is for `{board}`, but this tree is for `{found}`"))
        }
        None => {
            out.report("/", format_args!("the policy is for `{board}`, but this tree has no `compatible`"))
        }
    };
    report.at("compatible").help("use the policy of this board, or correct `board` in the policy");
}
