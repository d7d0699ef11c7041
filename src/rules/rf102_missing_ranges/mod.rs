//! RF102: `/reserved-memory` has no `ranges`.

use super::{Doc, Predicted, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId};
use crate::survey::Ranges;

pub(super) const DOC: Doc = Doc {
    id: RuleId(102),
    name: "missing-ranges",
    title: "/reserved-memory has no ranges property",
    why: r"
        `/reserved-memory` must have an empty `ranges`. Without it Linux prints `unsupported node format,
        ignoring` and reserves nothing: every carveout becomes ordinary memory.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Adds the empty `ranges`.",
    predicted: Predicted::Always,
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    if let Some(reserved) = analysis.map.reserved.as_ref().filter(|r| r.ranges == Ranges::Missing) {
        out.report(reserved, "has no `ranges`: Linux ignores every region in it")
            .at("ranges")
            .help("write an empty `ranges;`")
            .repair(RepairKind::AddRanges, "add the empty `ranges`");
    }
}
