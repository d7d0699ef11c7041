//! RF803: the sentinel cannot have every processor at EL2.

use super::{Doc, Kernels, Sink};
use crate::analysis::Analysis;
use crate::finding::RuleId;
use crate::sentinel::{self, Obstacle};

pub(super) const DOC: Doc = Doc {
    id: RuleId(803),
    name: "sentinel-without-el2",
    title: "the sentinel cannot have every processor at EL2",
    kernels: Kernels::None,
    why: r"
        The sentinel enters Linux at EL1 and stays at EL2, on every processor. It takes the others when Linux
        starts them: by PSCI 0.2 or later with `smc`, which it intercepts, or from a spin table. Where PSCI
        is called by `hvc`, a hypervisor has EL2 already and the board enters the stage at EL1; the stage
        then refuses the boot.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    if analysis.policy.is_none_or(|policy| policy.sentinel.is_none()) {
        return;
    }
    let Some(obstacle) = sentinel::obstacle(&analysis.tree) else { return };
    let (node, property) = match &obstacle {
        Obstacle::Hvc => ("/psci", "method"),
        Obstacle::Start(path) => (path.as_str(), "enable-method"),
    };
    out.report(node, format_args!("no sentinel is possible: {obstacle}"))
        .at(property)
        .help("remove [sentinel] from the policy of this board");
}
