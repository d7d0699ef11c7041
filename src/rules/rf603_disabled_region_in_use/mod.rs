//! RF603: a device in use refers to a disabled region.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(603),
    name: "disabled-region-in-use",
    title: "a device in use refers to a disabled region",
    severity: Severity::Warning,
    why: r"
        A device in use must not refer to a disabled region. Linux reserves nothing for a disabled region
        and reports no error to the driver: the device works on memory from the system, which it may not
        reach, or which firmware protects.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for reference in analysis.references() {
        let Some(region) = reference.target.and_then(|target| analysis.map.region(target)) else { continue };
        let user = analysis.tree.node(reference.user);
        // A device below a disabled bus is not in use either.
        if !region.enabled && user.is_available() {
            out.report(user, format_args!("refers to {}, which is disabled", region.name))
                .at("memory-region")
                .help("enable the region, or disable the device");
        }
    }
}
