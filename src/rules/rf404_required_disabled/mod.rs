//! RF404: no required carveout is disabled.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(404),
    name: "required-disabled",
    title: "no required carveout is disabled",
    severity: Severity::Error,
    why: "Any status other than ok or okay, even \"reserved\", makes every kernel ignore the node without a \
          message: its memory is free.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    repair: "With the policy's word (allow.restore), removes the status.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for answer in analysis.answers().filter(|answer| answer.region.is_some_and(|region| !region.enabled)) {
        out.push(
            answer.finding(DOC.id, "is required by the policy but disabled: Linux would use its memory"),
        );
    }
}
