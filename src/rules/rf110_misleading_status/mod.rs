//! RF110: a `status` has another effect in Linux than it seems.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(110),
    name: "misleading-status",
    title: "a status disables a region without saying so, or has no effect",
    severity: Severity::Warning,
    why: r"
        The `status` of a region must be absent, `okay` or `disabled`. Every other value, `reserved` and
        `fail` included, makes Linux ignore the region, and no kernel logs it: its memory is free. So does
        a `status` without a value up to 7.0; kernels from 7.1 on reserve that region. Linux never reads the
        `status` of `/reserved-memory` itself.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "With `allow.enable = true` in the policy, removes the `status` of a static region.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for region in analysis.map.regions.iter().filter(|region| !region.enabled) {
        let status = analysis.tree.node(region.node).prop("status");
        let text = status.and_then(|status| status.text());
        if text == Some("disabled") {
            continue;
        }
        let report = if status.is_some_and(|status| status.value.is_empty()) {
            let (old, new) = ("ignores the region and uses its memory", "reserves it");
            out.report(region, format_args!("`status` is empty: Linux up to 7.0 {old}, later Linux {new}"))
        } else {
            let status = text.unwrap_or_default();
            let what = "Linux ignores the region and uses its memory";
            out.report(region, format_args!("`status` is `{status}`: {what}"))
        };
        let report =
            report.at("status").help("remove `status`, or write `disabled` where the memory is free");
        if !region.spans().is_empty() {
            report.repair(RepairKind::Enable(region.node), "remove `status`");
        }
    }
    let reserved = analysis.map.reserved.as_ref();
    if let Some(reserved) = reserved.filter(|r| !analysis.tree.node(r.node).is_enabled()) {
        out.report(reserved, "has a `status`, which Linux does not read: its regions are reserved")
            .at("status")
            .help("disable the regions instead of their parent");
    }
}
