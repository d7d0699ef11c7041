//! RF410: a required carveout has no guard.

use super::required::report_required;
use super::{Doc, Kernels, Sink};
use crate::analysis::{Analysis, guards};
use crate::finding::{Label, RepairKind, RuleId};
use crate::ledger;

pub(super) const DOC: Doc = Doc {
    id: RuleId(410),
    name: "missing-guard",
    title: "a required carveout lacks the guards that the policy wants",
    kernels: Kernels::None,
    why: r"
        With `guard` in the policy, every required carveout must have unmapped memory on both sides. A CPU
        may fetch beyond the end of what it was told to read, and some protection units answer a fetch next
        to protected memory with a reset. A page on each side that Linux does not map keeps such fetches
        away. The 4 KiB that a region with `qcom,use-guard-pages` has of its own at either end count.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    repair: "Adds a `ringfence-guard` node for the missing part.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    if analysis.policy.is_none_or(|policy| policy.guard.is_none()) {
        return;
    }
    let carveouts = ledger::union(analysis.map.carveouts().collect());
    for answer in analysis.answers() {
        let Some(&bare) = guards(analysis, &answer, answer.span(), &carveouts).first() else { continue };
        report_required(out, &answer, format_args!("Linux can reach its guard {bare}"))
            .span(bare, Label::Unreserved)
            .help("add a no-map region there, or change `guard` in the policy")
            .repair(RepairKind::Guard(answer.index), format_args!("keep {bare} from Linux"));
    }
}
