//! RF410: required carveouts have the guards that the policy wants.

use super::required::{answers, guards};
use super::{Analysis, Doc, Sink};
use crate::finding::{RepairKind, RuleId, Severity};
use crate::ledger;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(410),
    title: "a required carveout has unmapped guards on both sides, where the policy wants them",
    severity: Severity::Error,
    kernels: &[],
    why: "A CPU may fetch beyond the end of what it was told to read, and some protection units answer a fetch next to \
          what they fence with a reset. A page on each side that Linux does not map keeps such fetches away. A region \
          with qcom,use-guard-pages has 4 KiB of its own at either end, which count.",
    bad: "/ { #address-cells = <2>; #size-cells = <2>;
\tmemory@40000000 { device_type = \"memory\"; reg = <0x0 0x40000000 0x0 0x40000000>; };
\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
\t\tdsp@44000000 { reg = <0x0 0x44000000 0x0 0x100000>; no-map; };
\t};
};",
    good: "/ { #address-cells = <2>; #size-cells = <2>;
\tmemory@40000000 { device_type = \"memory\"; reg = <0x0 0x40000000 0x0 0x40000000>; };
\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
\t\tguard@43fff000 { reg = <0x0 0x43fff000 0x0 0x1000>; no-map; };
\t\tdsp@44000000 { reg = <0x0 0x44000000 0x0 0x100000>; no-map; };
\t\tguard@44100000 { reg = <0x0 0x44100000 0x0 0x1000>; no-map; };
\t};
};",
    policy: "guard = \"4 KiB\"\n[[carveout]]\nnode = \"/reserved-memory/dsp@44000000\"\nbase = \"0x44000000\"\nsize = \"1 MiB\"",
    repair: "Adds a `ringfence-guard` node for what is missing of them.",
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    if analysis.policy.is_none_or(|policy| policy.guard.is_none()) {
        return;
    }
    let carveouts = ledger::union(analysis.map.carveouts().collect());
    for answer in answers(analysis) {
        let Some(&bare) = guards(analysis, &answer, answer.span(), &carveouts).first() else { continue };
        out.push(
            answer
                .finding(DOC.id, format!("its guard {bare} is not kept from Linux"))
                .with_help("add a no-map region there, or change `guard` in the policy")
                .with_repair(RepairKind::Guard(answer.index), format_args!("keep {bare} from Linux")),
        );
    }
}
