//! RF311: there are not more CMA pools than kernels keep.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(311),
    name: "too-many-pools",
    title: "there are at most 7 CMA pools",
    severity: Severity::Warning,
    why: "CONFIG_CMA_AREAS leaves room for 7 areas beside the default one, 19 with NUMA. The rest are refused (\"Not enough slots\") and their memory is freed.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

/// `CONFIG_CMA_AREAS` without NUMA, the least that arm64 kernels have.
const AREAS: usize = 7;

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for region in analysis.map.enabled().filter(|region| region.is_cma()).skip(AREAS) {
        out.push(
            OldReport::new(
                DOC.id,
                DOC.severity,
                region.path.as_str(),
                format!("is beyond the {AREAS} CMA pools that every kernel has room for"),
            )
            .with_help("join pools, or let devices share one"),
        );
    }
}
