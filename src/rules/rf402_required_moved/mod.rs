//! RF402: every required carveout lies where the policy has it.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::survey::Extent;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(402),
    name: "required-moved",
    title: "every required carveout lies where the policy has it",
    severity: Severity::Error,
    why: "The firmware's fence does not move with the device tree: the memory that it guards is ordinary memory \
          to Linux, and the memory that Linux avoids is nobody's.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    repair: "With the policy's word (allow.restore), puts it back; what it covered meanwhile stays protected.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for answer in analysis.answers() {
        let Some(base) = answer.required.base else { continue };
        if let Some(Extent::Dynamic(_)) = answer.region.map(|region| &region.extent) {
            out.push(answer.finding(DOC.id, format!("is dynamic, but the policy requires it at {base:#x}")));
            continue;
        }
        let Some(span) = answer.span().filter(|_| !answer.is_at(base)) else { continue };
        out.push(
            answer.finding(DOC.id, format!("lies at {:#x}, but the policy requires {base:#x}", span.base())),
        );
    }
}
