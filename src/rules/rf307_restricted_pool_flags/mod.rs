//! RF307: a `restricted-dma-pool` has a flag that it cannot have.

use super::{Doc, Sink, from};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId};
use crate::survey::Pool;

pub(super) const DOC: Doc = Doc {
    id: RuleId(307),
    name: "restricted-pool-flags",
    title: "a restricted-dma-pool has a flag that makes its set-up fail",
    kernels: from("5.15"),
    why: r"
        A `restricted-dma-pool` must not have `no-map`, `reusable`, `linux,cma-default` or
        `linux,dma-default`. With one of them its set-up fails with `-EINVAL` and the memory is freed; from
        6.12.13 to 7.0 a no-map one goes to the allocator without being mapped, and kernels from 7.1 on keep
        it unmapped. This affects kernels from 5.15 on with `CONFIG_DMA_RESTRICTED_POOL`; others know no such
        pool, and merely reserve the memory.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: r"
        With `allow.drop-flags = true` in the policy, drops `reusable` and the default flags. A `no-map`
        stays until the tree's author removes it: what is protected stays protected.
    ",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for region in analysis.map.enabled().filter(|region| region.pool == Pool::Restricted) {
        let node = analysis.tree.node(region.node);
        let flags = ["no-map", "reusable", "linux,cma-default", "linux,dma-default"];
        if let Some(flag) = flags.into_iter().find(|flag| node.has_prop(flag)) {
            let report = out
                .report(region, format_args!("`{flag}` makes its set-up fail: Linux frees it"))
                .at(flag)
                .help(format_args!("remove `{flag}`"));
            if !region.no_map {
                report.repair(RepairKind::DropFlags(region.node), format_args!("drop `{flag}`"));
            }
        }
    }
}
