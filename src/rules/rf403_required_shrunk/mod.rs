//! RF403: a required carveout is smaller than the policy has it.

use super::required::report_required;
use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::RuleId;
use crate::span::Size;
use crate::survey::Extent;

pub(super) const DOC: Doc = Doc {
    id: RuleId(403),
    name: "required-shrunk",
    title: "a required carveout has shrunk",
    why: r"
        Every required carveout must be at least as large as the policy has it. The bytes that were cut off
        become ordinary memory on every kernel, and no kernel logs it.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    repair: "With `allow.restore = true` in the policy, gives it the required size.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for answer in analysis.answers() {
        let Some(required) = answer.carveout() else { continue };
        let (size, property) = match answer.region.map(|region| &region.extent) {
            Some(Extent::Static(spans)) => {
                let size = spans.first().map_or(0, |span| match required.base {
                    // Bytes below the base, from the start of its page, do not count.
                    Some(base) if answer.is_at(base) => span.end().saturating_sub(base),
                    _ => span.len(),
                });
                (size, "reg")
            }
            Some(Extent::Dynamic(dynamic)) => (dynamic.size, "size"),
            _ => continue,
        };
        let Some(missing) = required.size.checked_sub(size).filter(|&missing| missing > 0) else {
            continue;
        };
        let (size, missing) = (Size(size), Size(missing));
        let message = format_args!("is {size}, {missing} less than the policy requires");
        report_required(out, &answer, message).at(property);
    }
}
