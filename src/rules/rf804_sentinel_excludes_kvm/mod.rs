//! RF804: with the sentinel, Linux has no KVM.

use super::{Doc, Kernels, Sink};
use crate::analysis::Analysis;
use crate::fdt::Node;
use crate::finding::{RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(804),
    name: "sentinel-excludes-kvm",
    title: "the sentinel takes EL2 from KVM",
    severity: Severity::Note,
    kernels: Kernels::None,
    why: r"
        Linux runs at EL1 below the sentinel, so it has no EL2 for KVM and starts no virtual machine. The note
        appears where the interrupt controller could serve one: it has a maintenance interrupt.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    ..Doc::DEFAULT
};

/// Interrupt controllers that serve virtual machines (drivers/irqchip/irq-gic.c, irq-gic-v3.c).
const CONTROLLERS: [&str; 4] = ["arm,gic-v3", "arm,gic-400", "arm,cortex-a15-gic", "arm,cortex-a7-gic"];

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    if analysis.policy.is_none_or(|policy| policy.sentinel.is_none()) {
        return;
    }
    let serves = |node: &Node<'_, '_>| {
        let list = node.prop("compatible").filter(|_| node.is_available() && node.has_prop("interrupts"));
        list.is_some_and(|list| list.strings().any(|name| CONTROLLERS.contains(&name)))
    };
    if let Some(controller) = analysis.tree.nodes().find(serves) {
        out.report(controller, "Linux cannot use its virtual interface: the sentinel has EL2, so KVM is off")
            .at("interrupts")
            .help("remove [sentinel] from the policy where the board needs KVM");
    }
}
