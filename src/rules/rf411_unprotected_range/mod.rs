//! RF411: ranges that the policy protects are out of Linux' reach.

use super::{Doc, Sink};
use crate::analysis::{Analysis, reachable};
use crate::finding::{RepairKind, RuleId, Severity};
use crate::ledger;
use crate::span::Span;
use alloc::format;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(411),
    name: "unprotected-range",
    title: "every byte that the policy protects is in a no-map region or outside RAM",
    severity: Severity::Error,
    why: "What firmware fences off and no node names is ordinary memory to Linux, which meets the fence in \
          memblock_free_all() or much later: an external abort, or a reset. A hole in /memory protects as well as a \
          region does, and better: no kernel refuses it. Where a kernel leaves the part pages at the ends of a region \
          mapped, they are not protected.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    repair: "With the policy's word (allow.restore), adds a no-map node of that name for what is missing.",
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
        let Some(range) = answer.required.span().filter(|_| answer.required.is_range()) else { continue };
        if carveouts.is_empty() {
            carveouts = ledger::union(analysis.map.carveouts().filter_map(effective).collect());
        }
        let Some(&open) = reachable(analysis, range, &carveouts).first() else { continue };
        let message = format!("is protected by the policy, but Linux can reach {open}");
        let finding = answer.finding(DOC.id, message);
        // A boot loader may yet leave it out of the RAM that it fills in.
        out.push(match analysis.map.ram.is_known() {
            true => finding.with_repair(RepairKind::Restore(answer.index), format_args!("protect {open}")),
            false => finding.no_worse_than(Severity::Warning),
        });
    }
}
