//! RF801: the sentinel that the policy wants has no memory.

use super::{Doc, Kernels, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::ledger::Coverage;
use crate::sentinel;
use crate::span::Size;

pub(super) const DOC: Doc = Doc {
    id: RuleId(801),
    name: "missing-sentinel-memory",
    title: "the sentinel that the policy wants has no memory",
    kernels: Kernels::None,
    why: r#"
        With `[sentinel]` in the policy, a resident stays at EL2. It needs 512 KiB of RAM that Linux does not
        map, at a multiple of 64 KiB, in a region with `compatible = "ringfence,sentinel"`. Without one the
        stage cannot install it, and refuses the boot.
    "#,
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    repair: r"
        Reserves the memory where the policy says, or at the top of RAM, below 4 GiB first.
    ",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    if analysis.policy.is_none_or(|policy| policy.sentinel.is_none()) {
        return;
    }
    let Some(region) = sentinel::region(&analysis.tree, &analysis.map) else {
        let size = Size(sentinel::SIZE);
        let report = out
            .report("/reserved-memory", format_args!("the policy wants the sentinel, which needs {size}"))
            .help("let `ringfence fix` place it, or write the node")
            .repair(RepairKind::PlaceSentinel, format_args!("reserve {size} for the sentinel"));
        if !analysis.map.ram.is_known() {
            report.severity(Severity::Note);
        }
        return;
    };
    let problem = match sentinel::home(region) {
        Err(why) => why,
        Ok(span) if analysis.in_ram(span) != Coverage::All => "is not in RAM",
        Ok(_) => return,
    };
    out.report(region, format_args!("the sentinel cannot live here: the region {problem}"))
        .help("remove the node: `ringfence fix` places another one");
}
