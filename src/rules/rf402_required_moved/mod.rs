//! RF402: a required carveout is not where the policy has it.

use super::required::report_required;
use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::RuleId;
use crate::survey::Extent;

pub(super) const DOC: Doc = Doc {
    id: RuleId(402),
    name: "required-moved",
    title: "a required carveout has moved",
    why: r"
        Every required carveout must be where the policy has it. Firmware's memory protection does not move
        with the device tree: the memory that firmware protects is ordinary memory to Linux, and the memory
        that Linux avoids has no owner.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    repair: r"
        With `allow.restore = true` in the policy, moves it back; what it covered meanwhile stays protected.
    ",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for answer in analysis.answers() {
        let Some(base) = answer.carveout().and_then(|carveout| carveout.base) else { continue };
        if let Some(Extent::Dynamic(_)) = answer.region.map(|region| &region.extent) {
            let message = format_args!("is dynamic, but the policy requires it at {base:#x}");
            report_required(out, &answer, message).at("size");
        } else if let Some(span) = answer.span().filter(|_| !answer.is_at(base)) {
            let message = format_args!("is at {:#x}, but the policy requires {base:#x}", span.base());
            report_required(out, &answer, message).at("reg");
        }
    }
}
