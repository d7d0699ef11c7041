//! RF113: a `/memory` node has no `device_type`.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(113),
    name: "missing-device-type",
    title: "a /memory node has no device_type = \"memory\"",
    severity: Severity::Warning,
    why: r#"
        A `/memory` node must have `device_type = "memory"`. Linux finds RAM by the `device_type` of the
        root's children, not by their names: it ignores a node without it.
    "#,
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let memory = analysis.tree.root().children().filter(|node| node.has_base_name("memory"));
    for node in memory.filter(|node| node.is_enabled() && node.has_prop("reg")) {
        if node.prop("device_type").and_then(|kind| kind.text()) != Some("memory") {
            out.report(node, "has no `device_type = \"memory\"`: Linux ignores it as RAM")
                .at("device_type")
                .help("write `device_type = \"memory\";`");
        }
    }
}
