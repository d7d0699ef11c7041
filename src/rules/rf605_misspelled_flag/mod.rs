//! RF605: `no-map` and `reusable` are spelled so.

use super::near::is_near;
use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(605),
    name: "misspelled-flag",
    title: "no-map and reusable are spelled so",
    severity: Severity::Error,
    why: "Linux does not know the misspelled property: a carveout is then reserved but mapped as cached memory, so that the CPU may read it speculatively; a pool is no pool. All kernels, without a message.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Writes no-map in its place. What a misspelled reusable would give to Linux is left to the tree's author.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for region in &analysis.map.regions {
        // Flags have no value, which tells them from whatever else a binding calls nearly so.
        let flags = analysis.tree.node(region.node).props().filter(|prop| prop.value.is_empty());
        for prop in flags {
            let Some(meant) = ["no-map", "reusable"].into_iter().find(|flag| is_near(prop.name, flag)) else {
                continue;
            };
            let severity = if region.enabled { DOC.severity } else { Severity::Warning };
            let finding = OldReport::new(
                DOC.id,
                severity,
                region.path.as_str(),
                format!("`{}` is not `{meant}`: Linux does not know it", prop.name),
            )
            .with_help(format_args!("write `{meant}`"));
            out.push(match meant {
                "no-map" => finding.with_no_map(region),
                _ => finding,
            });
        }
    }
}
