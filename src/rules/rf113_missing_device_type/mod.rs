//! RF113: `/memory` says that it is memory.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(113),
    name: "missing-device-type",
    title: "a /memory node has device_type = \"memory\"",
    severity: Severity::Warning,
    why: "Linux takes root nodes by their device_type, not by their name: RAM in a node without it does not exist for any kernel.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let memory = analysis.tree.root().children().filter(|node| node.has_base_name("memory"));
    for node in memory.filter(|node| node.is_enabled() && node.has_prop("reg")) {
        if node.prop("device_type").and_then(|kind| kind.as_str()) != Some("memory") {
            out.push(
                OldReport::new(
                    DOC.id,
                    DOC.severity,
                    node.path(),
                    "has no device_type = \"memory\": it is no RAM to Linux",
                )
                .with_help("write `device_type = \"memory\";`"),
            );
        }
    }
}
