//! RF212: the records of a `ramoops` fit it.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::span::Size;
use crate::survey::Extent;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(212),
    name: "ramoops-records",
    title: "the records of a ramoops region fit it, and there are some",
    severity: Severity::Warning,
    why: "The driver refuses a region that its records do not fit, or that has none: the log of a crash is lost just when it is wanted.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for region in analysis.map.enabled() {
        let node = analysis.tree.node(region.node);
        let is_ramoops =
            node.prop("compatible").is_some_and(|list| list.strings().any(|name| name == "ramoops"));
        if !is_ramoops {
            continue;
        }
        let Some(span) = region.spans().first() else {
            if matches!(region.extent, Extent::Dynamic(_)) {
                let message = "is dynamic: after a reset the log may lie elsewhere";
                let finding = OldReport::new(DOC.id, DOC.severity, region.path.as_str(), message);
                out.push(finding.with_help("give it a fixed address"));
            }
            continue;
        };
        let number = |name| node.prop(name).and_then(|prop| prop.as_u32()).map_or(0, u64::from);
        let needed: u64 =
            ["record-size", "console-size", "ftrace-size", "pmsg-size"].into_iter().map(number).sum();
        if needed > 0 && needed <= span.len() {
            continue;
        }
        let message = match needed {
            0 => "has no record, console, ftrace or pmsg size: its driver refuses it".into(),
            _ => format!("its records take {}, but it has {}", Size(needed), Size(span.len())),
        };
        out.push(
            OldReport::new(DOC.id, DOC.severity, region.path.as_str(), message)
                .with_span(*span, region.name.as_str())
                .with_help("make the sizes add up to the region"),
        );
    }
}
