//! RF311: there are more CMA pools than kernels keep.

use super::{Doc, Predicted, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(311),
    name: "too-many-pools",
    title: "there are more than 7 CMA pools",
    severity: Severity::Warning,
    why: r"
        A tree should have at most 7 CMA pools. `CONFIG_CMA_AREAS` leaves room for 7 areas beside the
        default one, 19 with NUMA. The rest are refused (`Not enough slots`) and their memory is freed.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    predicted: Predicted::Always,
    ..Doc::DEFAULT
};

/// `CONFIG_CMA_AREAS` without NUMA, the least that arm64 kernels have.
const AREAS: usize = 7;

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for region in analysis.map.enabled().filter(|region| region.is_cma()).skip(AREAS) {
        out.report(region, format_args!("is beyond the {AREAS} CMA pools that every kernel has room for"))
            .help("join pools, or let devices share one");
    }
}
