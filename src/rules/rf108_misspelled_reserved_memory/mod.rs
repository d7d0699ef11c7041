//! RF108: `/reserved-memory` is spelled so.

use super::near::is_near;
use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(108),
    name: "misspelled-reserved-memory",
    title: "/reserved-memory is spelled so",
    severity: Severity::Error,
    why: "Linux looks for reserved-memory and for nothing like it. Under any other name every carveout is ordinary memory; 6.1 does not even print a line about it.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "With the policy's word (allow.enable), moves static regions into /reserved-memory, with their phandles and labels.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for node in analysis.tree.root().children() {
        // Nearly no node has such a child, so that is asked first.
        if !node.children().any(|child| child.has_prop("reg")) {
            continue;
        }
        let name = node.base_name();
        let short = matches!(name, "reserved-mem" | "reserved_mem" | "reserve-mem");
        if !short && !is_near(name, "reserved-memory") {
            continue;
        }
        out.push(
            OldReport::new(
                DOC.id,
                DOC.severity,
                node.path(),
                format!("`{name}` is not `reserved-memory`: Linux reads nothing in it"),
            )
            .with_help("name it `reserved-memory`")
            .with_repair(RepairKind::Respell(node.id()), "move its regions into /reserved-memory"),
        );
    }
}
