//! RF307: a `restricted-dma-pool` is neither `no-map` nor `reusable`.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::survey::Pool;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(307),
    name: "restricted-pool-flags",
    title: "a restricted-dma-pool has no no-map, reusable or default flag",
    severity: Severity::Error,
    why: "Its set-up fails with -EINVAL and the memory is freed; from 6.12 to 7.1 a no-map one goes to the allocator without being mapped. All kernels with CONFIG_DMA_RESTRICTED_POOL.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "With the policy's word (allow.drop-flags), drops reusable and the default flags. A no-map is left to the \
             tree's author: what is protected stays so.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for region in analysis.map.enabled().filter(|region| region.pool == Pool::Restricted) {
        let node = analysis.tree.node(region.node);
        let flags = ["no-map", "reusable", "linux,cma-default", "linux,dma-default"];
        if let Some(flag) = flags.into_iter().find(|flag| node.has_prop(flag)) {
            let finding = OldReport::new(
                DOC.id,
                DOC.severity,
                region.path.as_str(),
                format!("`{flag}` makes its set-up fail: Linux frees it"),
            )
            .with_help(format_args!("remove `{flag}`"));
            out.push(match region.no_map {
                true => finding,
                false => {
                    finding.with_repair(RepairKind::DropFlags(region.node), format_args!("drop `{flag}`"))
                }
            });
        }
    }
}
