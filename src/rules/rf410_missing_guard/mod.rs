//! RF410: required carveouts have the guards that the policy wants.

use super::{Doc, Kernels, Sink};
use crate::analysis::{Analysis, guards};
use crate::finding::{RepairKind, RuleId, Severity};
use crate::ledger;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(410),
    name: "missing-guard",
    title: "a required carveout has unmapped guards on both sides, where the policy wants them",
    severity: Severity::Error,
    kernels: Kernels::None,
    why: "A CPU may fetch beyond the end of what it was told to read, and some protection units answer a fetch next to \
          what they fence with a reset. A page on each side that Linux does not map keeps such fetches away. A region \
          with qcom,use-guard-pages has 4 KiB of its own at either end, which count.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    repair: "Adds a `ringfence-guard` node for what is missing of them.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    if analysis.policy.is_none_or(|policy| policy.guard.is_none()) {
        return;
    }
    let carveouts = ledger::union(analysis.map.carveouts().collect());
    for answer in analysis.answers() {
        let Some(&bare) = guards(analysis, &answer, answer.span(), &carveouts).first() else { continue };
        out.push(
            answer
                .finding(DOC.id, format!("its guard {bare} is not kept from Linux"))
                .with_help("add a no-map region there, or change `guard` in the policy")
                .with_repair(RepairKind::Guard(answer.index), format_args!("keep {bare} from Linux")),
        );
    }
}
