//! RF401: every carveout that the policy requires is there and readable.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::survey::Extent;

pub(super) const DOC: Doc = Doc {
    id: RuleId(401),
    name: "required-missing",
    title: "every carveout that the policy requires is there",
    severity: Severity::Error,
    why: "No kernel misses a carveout that nobody declares: its bytes become ordinary memory without a message, \
          and the first access that the firmware's protection catches is an external abort.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    repair: "With the policy's word (allow.restore), writes the node as the policy has it.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for answer in analysis.answers().filter(|answer| !answer.required.is_range()) {
        let message = match answer.region.map(|region| &region.extent) {
            None => "is required by the policy and missing: Linux would use its memory",
            Some(Extent::Nowhere | Extent::Malformed { .. }) => {
                "is required by the policy but has no readable `reg`: Linux would use its memory"
            }
            Some(Extent::Static(_) | Extent::Dynamic(_)) => continue,
        };
        out.push(answer.finding(DOC.id, message));
    }
}
