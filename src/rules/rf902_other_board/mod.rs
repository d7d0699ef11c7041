//! RF902: the loader's tree is of another board than the bundle's.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::RuleId;

pub(super) const DOC: Doc = Doc {
    id: RuleId(902),
    name: "other-board",
    title: "the loader's tree is of another board than the bundle's",
    why: r"
        The roots of both trees must share a `compatible` string, or the bundle is for another board: its tree
        describes memory, devices and firmware that are not there. The policy's `board`, when the bundle's
        tree has it, says that the bundle is right all the same, as on a board whose loader passes a generic
        tree. A root without `compatible` names no board and contradicts none.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    loader: include_str!("loader.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let theirs = analysis.facts.loader.as_ref().map_or(&[][..], |loader| &loader.compatible);
    let Some(first) = theirs.first() else { return };
    let board = analysis.policy.and_then(|policy| policy.board.as_deref());
    let Some(compatible) = analysis.tree.root().prop("compatible") else { return };
    let shared = |name: &str| board == Some(name) || theirs.iter().any(|their| their == name);
    if compatible.strings().any(shared) {
        return;
    }
    let Some(own) = compatible.strings().next() else { return };
    out.report("/", format_args!("this tree is for `{own}`, but the loader's is for `{first}`"))
        .at("compatible")
        .help(
            "boot the bundle of this board, or name the board of the bundle's tree as `board` in the policy",
        );
}
