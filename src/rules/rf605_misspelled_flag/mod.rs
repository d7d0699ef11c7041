//! RF605: `no-map` or `reusable` is misspelled.

use super::near::is_near;
use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(605),
    name: "misspelled-flag",
    title: "no-map or reusable is misspelled",
    why: r"
        `no-map` and `reusable` must be spelled correctly. Linux does not know a misspelled property, and no
        kernel logs it: a carveout is then reserved but mapped as cached memory, so that the CPU may read it
        speculatively; a pool is not a pool.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: r"
        Writes `no-map` in its place. A misspelled `reusable` is left to the tree's author: it would give
        the memory to Linux.
    ",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for region in &analysis.map.regions {
        // Flags have no value: that tells them from properties of similar names in some binding.
        let flags = analysis.tree.node(region.node).props().filter(|prop| prop.value.is_empty());
        for flag in flags.map(|prop| prop.name) {
            let Some(meant) = ["no-map", "reusable"].into_iter().find(|known| is_near(flag, known)) else {
                continue;
            };
            let report = out
                .report(region, format_args!("`{flag}` is not `{meant}`: Linux does not know it"))
                .at(flag)
                .help(format_args!("write `{meant}`"));
            if meant == "no-map" {
                report.repair_no_map(region);
            }
            if !region.enabled {
                report.severity(Severity::Warning);
            }
        }
    }
}
