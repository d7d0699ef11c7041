//! RF411: Linux can reach a range that the policy protects.

use super::required::report_required;
use super::{Doc, Sink};
use crate::analysis::{Analysis, reachable};
use crate::finding::{RepairKind, RuleId, Severity};
use crate::ledger;
use crate::span::Span;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(411),
    name: "unprotected-range",
    title: "Linux can reach a range that the policy protects",
    why: r"
        Every byte of the policy's `[[protected]]` ranges must be in a no-map region or outside RAM. Memory
        that firmware protects and no node names is ordinary memory to Linux, which meets the protection in
        `memblock_free_all()` or much later: an external abort, or a reset. A hole in `/memory` protects as
        well as a region does, and better: no kernel refuses it. Where a kernel leaves the partial pages at
        the ends of a region mapped, they are not protected.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    repair: r"
        With `allow.restore = true` in the policy, adds a no-map node of that name for the missing part.
    ",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let page = analysis.profile.page.bytes();
    let effective = |span: Span| match analysis.profile.maps_partial_pages {
        true => span.inward(page),
        false => Some(span),
    };
    let mut carveouts = Vec::new();
    for answer in analysis.answers() {
        let Some(range) = answer.requirement.protected_range() else { continue };
        if carveouts.is_empty() {
            // Of two that touch, no byte of the page that they share is mapped.
            let unmapped = ledger::union(analysis.map.carveouts().collect());
            carveouts = unmapped.into_iter().filter_map(effective).collect();
        }
        let Some(&open) = reachable(analysis, range.span, &carveouts).first() else { continue };
        let report = report_required(
            out,
            &answer,
            format_args!("is protected by the policy, but Linux can reach {open}"),
        );
        if analysis.map.ram.is_known() {
            report.repair(RepairKind::Restore(answer.index), format_args!("protect {open}"));
        } else {
            // A boot loader may still leave it out of the RAM that it fills in.
            report.severity(Severity::Warning).no_repair();
        }
    }
}
