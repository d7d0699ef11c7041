//! RF404: a required carveout is disabled.

use super::required::report_required;
use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::RuleId;

pub(super) const DOC: Doc = Doc {
    id: RuleId(404),
    name: "required-disabled",
    title: "a required carveout is disabled",
    why: r"
        No required carveout may be disabled. With any `status` other than `ok` or `okay`, even `reserved`,
        every kernel ignores the node without a message: its memory is free.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    repair: "With `allow.restore = true` in the policy, removes the `status`.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for answer in analysis.answers().filter(|answer| answer.region.is_some_and(|region| !region.enabled)) {
        report_required(out, &answer, "is required by the policy but disabled: Linux would use its memory")
            .at("status");
    }
}
