//! RF405: every required carveout has the `no-map` that the policy asks for.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(405),
    name: "required-mapped",
    title: "every required carveout keeps its no-map",
    severity: Severity::Error,
    why: "Without no-map the region is reserved but mapped as cached memory: the CPU may fetch from it \
          speculatively, which a firmware's fence answers with an abort, and hibernation and kdump read it. \
          Drivers that map it themselves refuse it.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    repair: "With the policy's word (allow.restore), adds no-map and drops reusable.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for answer in analysis.answers().filter(|answer| answer.required.no_map) {
        if answer.region.is_some_and(|region| !region.no_map) {
            out.push(answer.finding(DOC.id, "has lost its `no-map`: Linux would map it as cached memory"));
        }
    }
}
