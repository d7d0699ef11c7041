//! RF403: every required carveout is at least as large as the policy has it.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::span::Size;
use crate::survey::Extent;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(403),
    name: "required-shrunk",
    title: "every required carveout is at least as large as the policy has it",
    severity: Severity::Error,
    why: "The bytes that were cut off become ordinary memory on every kernel, without a message.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    repair: "With the policy's word (allow.restore), gives it the required size.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for answer in analysis.answers() {
        let size = match answer.region.map(|region| &region.extent) {
            Some(Extent::Static(spans)) => spans.first().map_or(0, |span| match answer.required.base {
                // What lies below the base, to the start of its page, does not count.
                Some(base) if answer.is_at(base) => span.end().saturating_sub(base),
                _ => span.len(),
            }),
            Some(Extent::Dynamic(dynamic)) => dynamic.size,
            _ => continue,
        };
        let Some(missing) = answer.required.size.checked_sub(size).filter(|&missing| missing > 0) else {
            continue;
        };
        out.push(
            answer.finding(
                DOC.id,
                format!("is {}, {} less than the policy requires", Size(size), Size(missing)),
            ),
        );
    }
}
