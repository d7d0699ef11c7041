//! RF110: a `status` says what Linux does.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(110),
    name: "misleading-status",
    title: "a region is enabled, or disabled in so many words",
    severity: Severity::Warning,
    why: "Every status other than ok and okay makes Linux ignore the region without a message, reserved and fail included: its memory is free. The status of /reserved-memory itself is never looked at.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "With the policy's word (allow.enable), removes the status of a static region.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for region in analysis.map.regions.iter().filter(|region| !region.enabled) {
        let status = analysis.tree.node(region.node).prop("status").and_then(|status| status.as_str());
        if status == Some("disabled") {
            continue;
        }
        let message =
            format!("status `{}` does not reserve it: Linux uses its memory", status.unwrap_or_default());
        let finding = OldReport::new(DOC.id, DOC.severity, region.path.as_str(), message)
            .with_help("remove the status, or write `disabled` where the memory is free");
        out.push(match region.spans() {
            [] => finding,
            _ => finding.with_repair(RepairKind::Enable(region.node), "remove the status"),
        });
    }
    if let Some(reserved) =
        analysis.map.reserved.as_ref().filter(|r| !analysis.tree.node(r.node).is_enabled())
    {
        out.push(
            OldReport::new(
                DOC.id,
                DOC.severity,
                reserved.path.as_str(),
                "has a status, which Linux does not look at",
            )
            .with_help("disable the regions, not their parent"),
        );
    }
}
