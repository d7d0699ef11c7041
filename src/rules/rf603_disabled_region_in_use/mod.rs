//! RF603: no device in use refers to a disabled region.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(603),
    name: "disabled-region-in-use",
    title: "no device in use refers to a disabled region",
    severity: Severity::Warning,
    why: "Linux reserves nothing for a disabled region and tells the driver that all is well: the device works on memory from the system, where it may not reach, or that firmware fences off.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for reference in analysis.references() {
        let Some(region) = reference.target.and_then(|target| analysis.map.region(target)) else { continue };
        let user = analysis.tree.node(reference.user);
        // A device below a disabled bus is not in use either.
        if region.enabled || !user.is_available() {
            continue;
        }
        out.push(
            OldReport::new(
                DOC.id,
                DOC.severity,
                user.path(),
                format!("refers to {}, which is disabled", region.name),
            )
            .with_help("enable the region, or disable the device"),
        );
    }
}
