//! RF604: two devices use a region that is not a pool.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::fdt::{Node, NodeId};
use crate::finding::{RuleId, Severity};
use crate::order;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(604),
    name: "shared-region",
    title: "two devices use one carveout",
    severity: Severity::Note,
    why: r"
        A carveout that is not a pool should have one device that uses it. Two devices that both own the
        same bytes overwrite each other. Some share on purpose, so this is only a note. Parts of one device
        and devices of one kind, whose driver knows of both, are passed over.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let mut targets: Vec<NodeId> =
        analysis.references().iter().filter_map(|reference| reference.target).collect();
    order::sort(&mut targets);
    targets.dedup();
    for target in targets {
        let node = analysis.tree.node(target);
        for pair in analysis.users_of(target).windows(2) {
            let [(_, first), (_, second)] = pair else { continue };
            let (first, second) = (analysis.tree.node(*first), analysis.tree.node(*second));
            if !node.has_prop("compatible") && !are_one(first, second) {
                out.report(node, format_args!("is used by {} and {}", first.path(), second.path()))
                    .help("give each device a region of its own, unless they share it on purpose");
            }
        }
    }
}

/// Returns whether two nodes are parts of one device, or instances of one: their driver knows of both.
fn are_one(first: Node<'_, '_>, second: Node<'_, '_>) -> bool {
    let above = |node: Node<'_, '_>, other: Node<'_, '_>| {
        core::iter::successors(node.parent(), Node::parent).any(|parent| parent.id() == other.id())
    };
    let (a, b) = (first.prop("compatible"), second.prop("compatible"));
    let are_alike = a.zip(b).is_some_and(|(a, b)| a.value == b.value);
    are_alike || above(first, second) || above(second, first)
}
