//! RF405: a required carveout has no `no-map`.

use super::required::report_required;
use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::RuleId;

pub(super) const DOC: Doc = Doc {
    id: RuleId(405),
    name: "required-mapped",
    title: "a required carveout has lost its no-map",
    why: r"
        Every carveout that the policy requires with `no-map = true` must have `no-map`. Without it the
        region is reserved but mapped as cached memory: the CPU may read it speculatively, which firmware's
        memory protection answers with an abort, and hibernation and kdump read it. Drivers that map it
        themselves refuse it.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    repair: "With `allow.restore = true` in the policy, adds `no-map` and drops `reusable`.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for answer in analysis.answers().filter(|answer| answer.requirement.no_map()) {
        if answer.region.is_some_and(|region| !region.no_map) {
            report_required(out, &answer, "has lost its `no-map`: Linux would map it as cached memory")
                .at("no-map");
        }
    }
}
