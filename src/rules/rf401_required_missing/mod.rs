//! RF401: a required carveout is missing.

use super::required::report_required;
use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::RuleId;
use crate::survey::Extent;

pub(super) const DOC: Doc = Doc {
    id: RuleId(401),
    name: "required-missing",
    title: "a carveout that the policy requires is missing",
    why: r"
        Every carveout that the policy requires must be in the tree and readable. Linux uses the memory of
        one that is not declared, and no kernel logs it: the first access that firmware's memory protection
        catches is an external abort.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    repair: "With `allow.restore = true` in the policy, writes the node as the policy has it.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for answer in analysis.answers().filter(|answer| answer.carveout().is_some() && !answer.is_unresolved) {
        match answer.region.map(|region| &region.extent) {
            None => {
                report_required(
                    out,
                    &answer,
                    "is required by the policy and missing: Linux would use its memory",
                );
            }
            Some(Extent::Nowhere | Extent::Malformed { .. }) => {
                let message =
                    "is required by the policy but has no readable `reg`: Linux would use its memory";
                report_required(out, &answer, message).at("reg");
            }
            Some(Extent::Static(_) | Extent::Dynamic(_)) => {}
        }
    }
}
