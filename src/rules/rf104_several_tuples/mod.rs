//! RF104: a region has one `reg` tuple.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(104),
    name: "several-tuples",
    title: "a region has one reg tuple",
    severity: Severity::Error,
    why: "Kernels up to 6.12 reserve every tuple but register only the first; 6.18 reserves all and registers \
          none, so that lookups by phandle fail; 7.2 and later reserve only the first, and the rest becomes \
          ordinary memory.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Gives each further tuple a node of its own with the same flags; the phandle stays on the first.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for region in analysis.map.enabled() {
        let [first, rest @ ..] = region.spans() else { continue };
        if rest.is_empty() {
            continue;
        }
        let finding = OldReport::new(
            DOC.id,
            DOC.severity,
            region.path.as_str(),
            format!("`reg` has {} tuples: kernels from 7.2 on protect only {first}", region.spans().len()),
        );
        let finding =
            rest.iter().take(8).fold(finding, |f, &span| f.with_span(span, "unprotected from 7.2 on"));
        out.push(
            finding
                .with_help("give each further tuple a region node of its own")
                .with_repair(RepairKind::SplitReg(region.node), "give each further tuple a node of its own"),
        );
    }
}
