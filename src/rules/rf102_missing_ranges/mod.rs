//! RF102: `/reserved-memory` has `ranges`.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::survey::Ranges;

pub(super) const DOC: Doc = Doc {
    id: RuleId(102),
    name: "missing-ranges",
    title: "/reserved-memory has an empty ranges property",
    severity: Severity::Error,
    why: "Without ranges Linux prints \"unsupported node format, ignoring\" and reserves nothing, so every \
          carveout becomes ordinary memory. All kernels.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Adds the empty ranges.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(reserved) = analysis.map.reserved.as_ref().filter(|r| r.ranges == Ranges::Missing) else {
        return;
    };
    out.push(
        OldReport::new(
            DOC.id,
            DOC.severity,
            reserved.path.as_str(),
            "has no `ranges`: Linux ignores every region in it",
        )
        .with_help("write an empty `ranges;`")
        .with_repair(RepairKind::AddRanges, "add the empty `ranges`"),
    );
}
