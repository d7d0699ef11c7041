//! RF108: the name of `/reserved-memory` is misspelled.

use super::near::is_near;
use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId};

pub(super) const DOC: Doc = Doc {
    id: RuleId(108),
    name: "misspelled-reserved-memory",
    title: "the name of /reserved-memory is misspelled",
    why: r"
        Regions must be in `/reserved-memory`. Linux looks for that name and no similar one: under any other
        name every carveout is ordinary memory. Kernels before 6.12.13 do not even log it. With a unit
        address, as in `reserved-memory@0`, kernels up to 5.18 do not find it either.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: r"
        With `allow.enable = true` in the policy, moves static regions into `/reserved-memory`, with their
        phandles and labels.
    ",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let found = analysis.map.reserved.as_ref().filter(|_| !analysis.profile.finds_unit_address);
    if let Some(reserved) =
        found.filter(|reserved| analysis.tree.node(reserved.node).unit_address().is_some())
    {
        out.report(
            reserved,
            "has a unit address: this kernel does not find it, and ignores every region in it",
        )
        .help("name it `reserved-memory`");
    }
    for node in analysis.tree.root().children() {
        // Hardly any node has such a child, so this is tested first.
        if !node.children().any(|child| child.has_prop("reg")) {
            continue;
        }
        let name = node.base_name();
        if is_misspelled(name) {
            out.report(
                node,
                format_args!("`{name}` is not `reserved-memory`: Linux ignores every region in it"),
            )
            .help("name it `reserved-memory`")
            .repair(RepairKind::Respell(node.id()), "move its regions into /reserved-memory");
        }
    }
}

/// Returns whether a name without its unit address is meant to be `reserved-memory`.
pub(crate) fn is_misspelled(name: &str) -> bool {
    matches!(name, "reserved-mem" | "reserved_mem" | "reserve-mem") || is_near(name, "reserved-memory")
}
